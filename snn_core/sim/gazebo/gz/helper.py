"""All that needs the Python bindings of Gazebo Sim: run by path, under the interpreter that has them, by ``gz``.

Standard library, protobuf and gz modules only. Two processes of it do the work. ``Node.request`` of the released
bindings holds Python's global lock until it is answered, and a subscriber's callback in the same process waits for that
lock. So ``control`` sends commands and requests, ``listen`` receives images, odometry and the world's time.

Both are given a JSON object (see ``gz.HelperPlan``) as their second argument and speak JSON, an object a line, on their
standard output. Both end when their standard input closes.

control tells ``waiting`` (what it waits for, again and again), then ``ready``. Each line that it reads has one or more
of ``command`` ([m/s, rad/s]), ``pose`` ([m, m, rad]), ``real_time_factor``, ``pause`` and ``run_to_us``, done in this
order. It is answered by ``answered``: whether the server has answered every request of the line within ``REQUEST_MS``.

listen tells ``frame`` ([stamp in us, sequence number]), with its pixels in the shared memory. ``odometry`` ([us, x, y,
z, w, x, y, z]) is stamp, place in m, orientation. ``world`` ([us, paused]) comes when it has changed, and once more
after each line that listen reads. ``refused`` is an image that is not what was expected.

The shared memory begins with the number of frames ever begun (uint64 of this machine), so that a reader can tell
whether a frame that it copied was overwritten meanwhile.
"""

import importlib
import json
import math
import mmap
import os
import select
import struct
import sys
import time

HEADER_BYTES = 8
REQUEST_MS = 1000
_RELEASES = (("gz.transport13", "gz.msgs10"), ("gz.transport14", "gz.msgs11"), ("gz.transport", "gz.msgs"))
"""Modules of Harmonic, of Ionic, and of Jetty and later."""
_FORMATS = {0: "unknown", 1: "L8", 2: "L16", 3: "R8G8B8"}
_L8 = 1
"""gz.msgs.PixelFormatType, L_INT8."""


def say(**what):
    """A line for the node."""
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


class Bindings:
    """The modules of the first release found. Raises ImportError."""

    def __init__(self):
        reasons = []
        for transport, messages in _RELEASES:
            self._messages = messages
            try:
                self.node = importlib.import_module(transport).Node
                self.message("time", "Time")
            except ImportError as error:
                reasons.append(str(error))
            else:
                return
        raise ImportError(reasons[0])

    def message(self, file, name):
        """A message class by its file's and its own name."""
        return getattr(importlib.import_module(f"{self._messages}.{file}_pb2"), name)


def microseconds(stamp):
    """Of a gz.msgs.Time."""
    return stamp.sec * 1_000_000 + stamp.nsec // 1000


class Control:
    """Sends commands and requests."""

    def __init__(self, plan):
        bindings = Bindings()
        message = bindings.message
        self._world = f"/world/{plan['world']}"
        self._robot = plan["robot"]
        self._step_us = plan["step_us"]
        self._twist = message("twist", "Twist")
        self._pose = message("pose", "Pose")
        self._physics = message("physics", "Physics")
        self._world_control = message("world_control", "WorldControl")
        self._boolean = message("boolean", "Boolean")
        self._node = bindings.node()
        self._published = (plan["odometry_topic"], plan["camera_topic"])
        self._topic = plan["cmd_vel_topic"]
        self._publisher = self._node.advertise(self._topic, self._twist)

    def missing(self):
        """A service, a topic or a subscriber that is not there yet, or None."""
        for service in ("control", "set_pose", "set_physics"):
            if not self._node.service_info(f"{self._world}/{service}"):
                return f"{self._world}/{service}"
        for topic in self._published:
            publishers = self._node.topic_info(topic)  # in some releases with the subscribers, in others alone
            if not (publishers[0] if isinstance(publishers, tuple) else publishers):
                return topic
        return None if self._publisher.has_connections() else f"subscriber of {self._topic}"

    def do(self, request):
        """Carry out a line of the node; whether the server has answered."""
        answered = True
        if "command" in request:
            twist = self._twist()
            twist.linear.x, twist.angular.z = request["command"]
            self._publisher.publish(twist)
        if "pose" in request:
            pose = self._pose(name=self._robot)
            pose.position.x, pose.position.y, yaw = request["pose"]
            pose.orientation.z, pose.orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
            answered &= self._ask("set_pose", pose)
        if "real_time_factor" in request:
            physics = self._physics(max_step_size=1e-6 * self._step_us, real_time_factor=request["real_time_factor"])
            answered &= self._ask("set_physics", physics)
        if "pause" in request:
            answered &= self._ask("control", self._world_control(pause=request["pause"]))
        if "run_to_us" in request:
            # A command comes over another connection than a request, and may be overtaken by one, not by two in a row.
            answered &= self._ask("control", self._world_control(pause=True))
            control = self._world_control(pause=False)
            seconds, rest_us = divmod(request["run_to_us"], 1_000_000)
            control.run_to_sim_time.sec, control.run_to_sim_time.nsec = seconds, 1000 * rest_us
            answered &= self._ask("control", control)
        return answered

    def _ask(self, service, request):
        answered, reply = self._node.request(
            f"{self._world}/{service}", request, type(request), self._boolean, REQUEST_MS
        )
        return bool(answered and reply.data)


class Listener:
    """Passes on what the server publishes."""

    def __init__(self, plan):
        bindings = Bindings()
        message = bindings.message
        self._width, self._height, self._slots = plan["width"], plan["height"], plan["slots"]
        self._size = self._width * self._height
        self._memory = mmap.mmap(plan["memory"], HEADER_BYTES + self._slots * self._size)
        self._count = 0
        self._world = None
        self._topic = plan["camera_topic"]
        self._node = bindings.node()
        self._node.subscribe(message("world_stats", "WorldStatistics"), f"/world/{plan['world']}/stats", self._on_world)
        self._node.subscribe(message("odometry", "Odometry"), plan["odometry_topic"], self._on_odometry)
        self._node.subscribe(message("image", "Image"), self._topic, self._on_image)

    def _on_image(self, image):
        expected, found = (self._width, self._height), (image.width, image.height)
        if found != expected:
            say(refused=f"{self._topic}: expected an image of {expected} px, found one of {found} px")
            return
        if image.pixel_format_type != _L8 or len(image.data) != self._size:
            found = _FORMATS.get(image.pixel_format_type, f"number {image.pixel_format_type}")
            say(refused=f"{self._topic}: expected pixels of format L8, found {found} in {len(image.data)} bytes")
            return
        begin = HEADER_BYTES + self._count % self._slots * self._size
        self._memory[:HEADER_BYTES] = struct.pack("=Q", self._count + 1)
        self._memory[begin : begin + self._size] = image.data
        say(frame=[microseconds(image.header.stamp), self._count])
        self._count += 1

    def _on_odometry(self, odometry):
        # Its twist is of no use: from one sign of the quaternion to the other, it has a rotation of 360 degrees.
        position, q = odometry.pose.position, odometry.pose.orientation
        stamp = microseconds(odometry.header.stamp)
        say(odometry=[stamp, position.x, position.y, position.z, q.w, q.x, q.y, q.z])

    def repeat_world(self):
        """Say the world's time even if it has not changed."""
        self._world = None

    def _on_world(self, statistics):
        world = [microseconds(statistics.sim_time), statistics.paused]
        if world != self._world:
            self._world = world
            say(world=world)


def control(plan):
    """See the module."""
    link = Control(plan)
    said = 0.0
    while (missing := link.missing()) is not None:
        if time.monotonic() - said > 0.5:
            said = time.monotonic()
            say(waiting=missing)
        if select.select([sys.stdin], [], [], 0.05)[0]:
            return  # nothing is asked yet: it has closed
    say(ready=True)
    for line in sys.stdin:
        say(answered=link.do(json.loads(line)))


def listen(plan):
    """See the module."""
    link = Listener(plan)
    for _ in sys.stdin:
        link.repeat_world()


def main():
    """Ends at once: destructors of the bindings may wait for threads that wait for them."""
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path = [path for path in sys.path if os.path.realpath(path) != here]  # gz is not to be the gz.py beside this
    role = sys.argv[1]
    try:
        if role == "probe":
            Bindings()
        else:
            {"control": control, "listen": listen}[role](json.loads(sys.argv[2]))
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
