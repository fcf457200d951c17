"""Gazebo Classic's topics over TCP, without Gazebo: a client that publishes and subscribes in one thread.

The protocol is that of Gazebo 11's `gazebo/transport` (Connection, ConnectionManager, Master): a frame is the length in
eight hexadecimal digits and that many bytes. The master sends and takes frames that hold a `Packet` (a type and a
message). A subscriber connects to the publisher, sends a `Packet` of type `sub`, and gets frames of bare messages.
"""

import selectors
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2, message_factory
from grpc_tools import protoc

from snn_core.errors import UserError

_LENGTH_DIGITS = 8
_MOST_BYTES = 1 << 28
_CONNECT_S = 5.0


class ConnectionLostError(Exception):
    """The server has closed a connection, or what it sends is no frame."""


def load_messages(folder: Path) -> dict[str, Any]:
    """Message classes by name (`ImageStamped`), compiled from the .proto files in ``folder``. Raises UserError."""
    files = sorted(map(str, folder.glob("*.proto")))
    if not files:
        raise UserError(f"{folder}: expected the .proto files of Gazebo Classic (package libgazebo-dev), found none")
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "messages"
        arguments = [f"-I{folder}", f"-I{well_known}", "--include_imports", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", *arguments, *files]) != 0:
            raise UserError(f"{folder}: its .proto files cannot be compiled; install those of Gazebo Classic 11")
        described = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return {
        name.rpartition(".")[2]: message
        for name, message in message_factory.GetMessages(described.file).items()
        if name.startswith("gazebo.msgs.")
    }


class _Connection:
    """A socket that sends and takes frames. Reading never blocks; writing may, for a while."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(_CONNECT_S)
        self.socket = connected
        self._received = bytearray()

    def send(self, message: bytes) -> None:
        try:
            self.socket.sendall(b"%08x" % len(message) + message)
        except OSError as error:
            raise ConnectionLostError(str(error)) from error

    def frames(self) -> Iterator[bytes]:
        """Read what is there, and give the frames that are complete. To be called when there is something to read."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError as error:
            raise ConnectionLostError(str(error)) from error
        if not data:
            raise ConnectionLostError("closed")
        self._received += data
        begin = 0
        while len(self._received) - begin >= _LENGTH_DIGITS:
            body = begin + _LENGTH_DIGITS
            try:
                end = body + int(self._received[begin:body], 16)
            except ValueError as error:
                raise ConnectionLostError("expected the length of a frame") from error
            if end - body > _MOST_BYTES:
                raise ConnectionLostError(f"a frame of {end - body} bytes")
            if len(self._received) < end:
                break
            yield bytes(self._received[body:end])
            begin = end
        del self._received[:begin]

    def close(self) -> None:
        self.socket.close()


class Client:
    """A participant of a Gazebo Classic server: topics by their full names (`/gazebo/WORLD/NAME`).

    Raises ConnectionLostError in any method when the server goes.
    """

    def __init__(self, messages: dict[str, Any], host: str, port: int) -> None:
        """Connect to the master. Raises OSError when there is none."""
        self._messages = messages
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((host, 0))
        self._listener.settimeout(_CONNECT_S)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._host, self._port = self._listener.getsockname()
        self._topics: dict[str, str] = {}
        self._subscribed: dict[str, str] = {}
        self._publishers: dict[str, tuple[str, int]] = {}
        self._outlets: dict[str, list[_Connection]] = {}
        self._arrived: list[tuple[str, Any]] = []
        self._master = _Connection(socket.create_connection((host, port), _CONNECT_S))
        self._listen(self._master, self._on_master)

    @property
    def topics(self) -> dict[str, str]:
        """Published topics that the master has told of, and their message types (`gazebo.msgs.Pose`)."""
        return self._topics

    def subscribe(self, topic: str, kind: str) -> None:
        """Ask for the messages of a topic: they come out of ``poll``."""
        self._subscribed[topic] = kind
        self._tell_master("subscribe", self._subscribe_message(topic))

    def advertise(self, topic: str, kind: str) -> None:
        """Announce that messages of a topic will be published."""
        self._outlets[topic] = []
        announcement = self._messages["Publish"](
            topic=topic, msg_type=f"gazebo.msgs.{kind}", host=self._host, port=self._port
        )
        self._tell_master("advertise", announcement)

    def has_subscriber(self, topic: str) -> bool:
        """Whether someone listens to an advertised topic."""
        return bool(self._outlets[topic])

    def publish(self, topic: str, message: Any) -> None:
        """Send a message to all that listen to an advertised topic."""
        data = message.SerializeToString()
        for outlet in self._outlets[topic]:
            outlet.send(data)

    def poll(self, timeout_s: float) -> list[tuple[str, Any]]:
        """Topic and message of what has come, in order of each topic; waits up to ``timeout_s`` for something."""
        for key, _ in self._selector.select(timeout_s):
            key.data()
        arrived, self._arrived = self._arrived, []
        return arrived

    def close(self) -> None:
        """Close all connections."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _listen(self, connection: _Connection, on_frame: Any) -> None:
        def read() -> None:
            for frame in connection.frames():
                on_frame(frame)

        self._selector.register(connection.socket, selectors.EVENT_READ, read)

    def _tell_master(self, kind: str, message: Any) -> None:
        self._master.send(self._packet(kind, message))

    def _packet(self, kind: str, message: Any) -> bytes:
        packet = self._messages["Packet"](type=kind, serialized_data=message.SerializeToString())
        packet.stamp.sec = packet.stamp.nsec = 0
        return packet.SerializeToString()

    def _subscribe_message(self, topic: str) -> Any:
        return self._messages["Subscribe"](
            topic=topic,
            msg_type=f"gazebo.msgs.{self._subscribed[topic]}",
            host=self._host,
            port=self._port,
            latching=False,
        )

    def _on_master(self, frame: bytes) -> None:
        packet = self._messages["Packet"].FromString(frame)
        if packet.type == "publishers_init":
            for publication in self._messages["Publishers"].FromString(packet.serialized_data).publisher:
                self._topics[publication.topic] = publication.msg_type
        elif packet.type in ("publisher_add", "publisher_subscribe"):
            self._on_publication(self._messages["Publish"].FromString(packet.serialized_data))

    def _on_publication(self, publication: Any) -> None:
        self._topics[publication.topic] = publication.msg_type
        publisher = publication.host, publication.port
        known = publication.topic in self._publishers or publisher == (self._host, self._port)
        if publication.topic not in self._subscribed or known:
            return
        try:
            connection = _Connection(socket.create_connection(publisher, _CONNECT_S))
        except OSError as error:
            raise ConnectionLostError(f"{publication.topic}: {error}") from error
        self._publishers[publication.topic] = publisher
        connection.send(self._packet("sub", self._subscribe_message(publication.topic)))
        message = self._messages[self._subscribed[publication.topic]]
        self._listen(connection, lambda frame: self._arrived.append((publication.topic, message.FromString(frame))))

    def _accept(self) -> None:
        connection = _Connection(self._listener.accept()[0])
        self._listen(connection, lambda frame: self._on_peer(connection, frame))

    def _on_peer(self, connection: _Connection, frame: bytes) -> None:
        packet = self._messages["Packet"].FromString(frame)
        if packet.type == "sub":
            wanted = self._messages["Subscribe"].FromString(packet.serialized_data).topic
            if wanted in self._outlets:
                self._outlets[wanted].append(connection)
