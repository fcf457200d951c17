"""All messages of a bag come as ROS 2 sends them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from snn_core.events.bags.raw_messages import BagMessages, RawMessage
from tests.events.bags import bags, mcap_files
from tests.events.streams import random_events


def image(time_ns: int, n: int) -> bags.Sent:
    def make(store: Any) -> Any:
        pixels = np.arange(n, dtype=np.uint8)
        return store.types["sensor_msgs/msg/Image"](bags.header(store, time_ns), 1, n, "mono8", 0, n, pixels)

    return bags.Sent("/image", "sensor_msgs/msg/Image", time_ns, make)


def camera_info(time_ns: int) -> bags.Sent:
    def make(store: Any) -> Any:
        names = "DKRP" if store is bags.ROS1 else "dkrp"
        matrices = dict(zip(names, map(np.arange, (5.0, 9.0, 9.0, 12.0)), strict=True))
        region = store.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        return store.types["sensor_msgs/msg/CameraInfo"](
            header=bags.header(store, time_ns),
            height=4,
            width=6,
            distortion_model="plumb_bob",
            binning_x=0,
            binning_y=0,
            roi=region,
            **matrices,
        )

    return bags.Sent("/camera_info", "sensor_msgs/msg/CameraInfo", time_ns, make)


@pytest.fixture(scope="module")
def sent() -> list[bags.Sent]:
    events = random_events(np.random.default_rng(1), 100, 64, 48)
    messages = [bags.packet(events, 64, 48, 0, "mono", log_ns=15), bags.array(events, 64, 48, topic="/dvs")]
    return [*messages, *(bags.imu(10 * i, float(i)) for i in range(5)), camera_info(22), image(33, 7), image(5, 6)]


def expected(sent: list[bags.Sent], left_out: tuple[str, ...] = ()) -> list[RawMessage]:
    return [
        RawMessage(each.topic, each.type, each.time_ns, bags.serialise(each, ros1=False))
        for each in sorted(sent, key=lambda each: each.time_ns)
        if each.topic not in left_out
    ]


@pytest.mark.parametrize("write", [bags.write_rosbag1, bags.write_rosbag2])
def test_all_messages_in_order_of_time(tmp_path: Path, sent: list[bags.Sent], write: Callable):
    path = write(tmp_path / "a.bag", sent, latched=("/camera_info",))
    with BagMessages(path) as messages:
        assert list(messages) == expected(sent)
        assert list(messages) == expected(sent)
        assert {topic.name: topic.type for topic in messages.topics} == {each.topic: each.type for each in sent}
        assert [topic.name for topic in messages.topics if topic.is_latched] == ["/camera_info"]
        assert (messages.skipped, messages.dropped_messages, messages.notes) == ({}, 0, [])
    left_out = (bags.TOPIC, "/dvs")
    with BagMessages(path, exclude=left_out) as messages:
        assert list(messages) == expected(sent, left_out)


def test_compressed_messages_come_as_they_were(tmp_path: Path, sent: list[bags.Sent]):
    with BagMessages(bags.write_rosbag2(tmp_path / "bag", sent, compression="message")) as messages:
        assert list(messages) == expected(sent)


def write_own(path: Path, name: str, definition: str, fields: dict[str, Any]) -> Path:
    """A ROS 1 bag with a message of a type that its definition makes."""
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition, name))
    with Writer1(path) as writer:
        connection = writer.add_connection("/own", name, typestore=store)
        writer.write(connection, 8, store.serialize_ros1(store.types[name](**fields), name))
    return path


def test_types_that_ros2_has_not(tmp_path: Path):
    definition = "float32 volts\nstring name\nuint8[] cells\nfloat64 charge\n"
    fields = {"volts": 3.5, "name": "left", "cells": np.arange(3, dtype=np.uint8), "charge": 0.25}
    path = write_own(tmp_path / "a.bag", "robot_msgs/msg/Battery", definition, fields)
    with BagMessages(path) as messages:
        (message,) = messages
    assert (message.topic, message.type, message.log_time_ns) == ("/own", "robot_msgs/msg/Battery", 8)
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition, message.type))
    read: Any = store.deserialize_cdr(message.data, message.type)
    assert (read.volts, read.name, read.cells.tolist(), read.charge) == (3.5, "left", [0, 1, 2], 0.25)


def test_types_that_ros2_changed(tmp_path: Path, capsys: pytest.CaptureFixture):
    """ROS 2 has it under another name, or with other fields: sensor_msgs/Range has a variance since Jazzy."""
    head = "uint32 seq\ntime stamp\nstring frame_id\n"
    definition = (
        "uint8 ULTRASOUND=0\nHeader header\nuint8 radiation_type\nfloat32 field_of_view\nfloat32 min_range\n"
        f"float32 max_range\nfloat32 range\n{'=' * 80}\nMSG: std_msgs/Header\n{head}"
    )
    store = get_typestore(Stores.ROS1_NOETIC)
    fields = {
        "header": bags.header(bags.ROS1, 10**9, "sonar"),
        "radiation_type": 0,
        "field_of_view": 0.5,
        "min_range": 0.25,
        "max_range": 4.0,
        "range": 1.5,
    }
    assert "range" in dict(store.fielddefs["sensor_msgs/msg/Range"][1])
    path = write_own(tmp_path / "a.bag", "sensor_msgs/msg/Range", definition, fields)
    with BagMessages(path) as messages:
        (message,) = messages
    read: Any = bags.ROS2.deserialize_cdr(message.data, "sensor_msgs/msg/Range")
    assert (read.header.frame_id, read.header.stamp.sec) == ("sonar", 1)
    assert (read.range, read.max_range, read.variance) == (1.5, 4.0, 0.0)
    assert capsys.readouterr().out == ""


def test_what_cannot_be_converted_is_named(tmp_path: Path):
    content = [
        mcap_files.schema(1, "a/Broken", "ros1msg", "this is no definition ["),
        mcap_files.channel(1, 1, "/broken", "ros1"),
        mcap_files.schema(2, "foxglove.Log", "protobuf", "binary"),
        mcap_files.channel(2, 2, "/log", "protobuf"),
        mcap_files.schema(3, "std_msgs/Float32", "ros1msg", "float32 data\n"),
        mcap_files.channel(3, 3, "/value", "ros1"),
        mcap_files.schema(4, "no type", "ros2msg", ""),
        mcap_files.channel(4, 4, "/odd", "cdr"),
        mcap_files.channel(5, 3, "/no name", "ros1"),
        mcap_files.schema(6, "std_msgs/Float64", "ros1msg", "float64 data\n"),
        mcap_files.channel(6, 6, "/value", "ros1"),
        *(mcap_files.message(number, number, bytes(4)) for number in (1, 2, 4, 5, 6)),
        mcap_files.message(3, 13, np.float32(2.5).tobytes()),
        mcap_files.message(3, 14, bytes(3)),
    ]
    path = tmp_path / "a.mcap"
    path.write_bytes(mcap_files.file(mcap_files.chunk(content)))
    with BagMessages(path) as messages:
        (message,) = messages
        assert message.data == b"\0\1\0\0" + np.float32(2.5).tobytes()
        assert [topic.name for topic in messages.topics] == ["/value"]
        assert messages.skipped["/log"] == "encoded as 'protobuf', not CDR"
        assert messages.skipped["/broken"].startswith("its definition of a/msg/Broken cannot be used: ")
        assert messages.skipped["/odd"] == "name or type ('no type') is none of ROS 2"
        assert messages.skipped["/no name"] == "name or type ('std_msgs/msg/Float32') is none of ROS 2"
        assert (
            messages.skipped["/value"]
            == "its other messages are of std_msgs/msg/Float32, these of std_msgs/msg/Float64"
        )
        assert messages.dropped_messages == 1
        assert len(messages.notes) == 6
        assert all(note.isprintable() for note in messages.notes)
