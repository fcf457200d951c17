"""ROS recordings without ROS: rosbag2 (sqlite3 and MCAP) and ROS 1 bags, their events and all other messages.

    cursor, decompression   bytes, read within bounds
    storage                 topics, messages in order of time, and what was lost, for all kinds of file
    sqlite3_bag, mcap_bag, rosbag1   one kind of file each
    bag                     a file or a folder of files, read as one
    messages, event_array   event messages, taken apart by hand
    streams, recording      the events of one topic as a ``Recording``
    raw_messages            all messages as CDR, in order of time
    writer                  events as a rosbag2 in MCAP

rosbags writes, and converts messages of ROS 1. Its readers are not used, for three reasons. They refuse a file without
an index, which is what a recorder that was killed leaves. They stop at the first damage. They allocate what a damaged
length says.
"""
