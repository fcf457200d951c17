"""The client of Gazebo Classic's topics, against a peer that speaks its protocol over real sockets."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snn_core.errors import UserError
from snn_core.sim.gazebo.classic.transport import Client, ConnectionLostError, load_messages

PATIENCE_S = 10.0
PROTOS = {
    "time": "message Time { required int32 sec = 1; required int32 nsec = 2; }",
    "packet": 'import "time.proto";\nmessage Packet { required Time stamp = 1; required string type = 2; '
    "required bytes serialized_data = 3; }",
    "publish": "message Publish { required string topic = 1; required string msg_type = 2; required string host = 3; "
    "required uint32 port = 4; }",
    "publishers": 'import "publish.proto";\nmessage Publishers { repeated Publish publisher = 1; }',
    "subscribe": "message Subscribe { required string topic = 1; required string host = 2; required uint32 port = 3; "
    "required string msg_type = 4; optional bool latching = 5; }",
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("protos")
    for name, text in PROTOS.items():
        imports, _, message = text.rpartition("\n")
        (folder / f"{name}.proto").write_text(f'syntax = "proto2";\npackage gazebo.msgs;\n{imports}\n{message}\n')
    return load_messages(folder)


class Peer:
    """Master and publisher: what a server does, byte for byte as the test says."""

    def __init__(self, messages: dict[str, Any]) -> None:
        self.messages = messages
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE_S)
        self.port = self.listener.getsockname()[1]
        self.client = Client(messages, "127.0.0.1", self.port)
        self.master = self.accept()

    def accept(self) -> socket.socket:
        accepted = self.listener.accept()[0]
        accepted.settimeout(PATIENCE_S)
        return accepted

    def packet(self, kind: str, message: Any) -> bytes:
        packet = self.messages["Packet"](type=kind, serialized_data=message.SerializeToString())
        packet.stamp.sec = packet.stamp.nsec = 0
        return packet.SerializeToString()

    def publication(self, topic: str) -> Any:
        return self.messages["Publish"](topic=topic, msg_type="gazebo.msgs.Time", host="127.0.0.1", port=self.port)

    def take(self, source: socket.socket) -> tuple[str, bytes]:
        """Type and content of the packet that comes next."""
        size = int(source.recv(8, socket.MSG_WAITALL), 16)
        packet = self.messages["Packet"].FromString(source.recv(size, socket.MSG_WAITALL))
        return packet.type, packet.serialized_data

    def publish_to_client(self, topic: str) -> socket.socket:
        """The connection over which the client has subscribed to a topic of this peer."""
        self.client.subscribe(topic, "Time")
        assert self.take(self.master)[0] == "subscribe"
        self.master.sendall(frame(self.packet("publisher_add", self.publication(topic))))
        assert self.client.poll(PATIENCE_S) == []
        connection = self.accept()
        kind, content = self.take(connection)
        assert (kind, self.messages["Subscribe"].FromString(content).topic) == ("sub", topic)
        return connection

    def close(self) -> None:
        self.client.close()
        for one in (self.master, self.listener):
            one.close()


@pytest.fixture
def peer(messages: dict[str, Any]) -> Iterator[Peer]:
    peer = Peer(messages)
    yield peer
    peer.close()


def frame(content: bytes) -> bytes:
    return b"%08X" % len(content) + content


def test_master_tells_of_topics(peer: Peer) -> None:
    publishers = peer.messages["Publishers"](publisher=[peer.publication("/a"), peer.publication("/b")])
    peer.master.sendall(frame(peer.packet("publishers_init", publishers)))
    peer.client.poll(PATIENCE_S)
    assert peer.client.topics == {"/a": "gazebo.msgs.Time", "/b": "gazebo.msgs.Time"}


def test_messages_come_whole_and_in_order_however_they_are_cut(peer: Peer) -> None:
    connection = peer.publish_to_client("/t")
    sent = [peer.messages["Time"](sec=k, nsec=7) for k in range(20)]
    data = b"".join(frame(message.SerializeToString()) for message in sent)
    arrived: list[tuple[str, Any]] = []
    for begin in range(0, len(data), 5):
        connection.sendall(data[begin : begin + 5])
        arrived += peer.client.poll(PATIENCE_S)
    assert arrived == [("/t", message) for message in sent]
    connection.close()


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"GET / HTTP", "length of a frame"), (b"ffffffff", "a frame of 4294967295 bytes"), (b"", "closed")],
)
def test_junk_and_the_end_are_a_lost_connection(peer: Peer, data: bytes, said: str) -> None:
    connection = peer.publish_to_client("/t")
    connection.sendall(data)
    connection.close()
    with pytest.raises(ConnectionLostError, match=said):
        peer.client.poll(PATIENCE_S)


def test_master_goes(peer: Peer) -> None:
    peer.master.close()
    with pytest.raises(ConnectionLostError, match="closed"):
        peer.client.poll(PATIENCE_S)


def test_publishes_to_who_subscribes(peer: Peer) -> None:
    peer.client.advertise("/out", "Time")
    kind, content = peer.take(peer.master)
    announced = peer.messages["Publish"].FromString(content)
    assert (kind, announced.topic, announced.msg_type) == ("advertise", "/out", "gazebo.msgs.Time")
    assert not peer.client.has_subscriber("/out")
    with socket.create_connection((announced.host, announced.port), PATIENCE_S) as subscriber:
        wanted = {"host": "127.0.0.1", "port": peer.port, "msg_type": "gazebo.msgs.Time"}
        for topic in ("/other", "/out"):
            subscriber.sendall(frame(peer.packet("sub", peer.messages["Subscribe"](topic=topic, **wanted))))
        deadline = time.monotonic() + PATIENCE_S
        while not peer.client.has_subscriber("/out"):
            assert time.monotonic() < deadline
            peer.client.poll(0.1)
        message = peer.messages["Time"](sec=3, nsec=4)
        peer.client.publish("/out", message)
        data = frame(message.SerializeToString())
        assert subscriber.recv(len(data), socket.MSG_WAITALL) == data.lower()


def test_no_master(messages: dict[str, Any]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            Client(messages, *unused.getsockname())


def test_no_protos(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"expected the \.proto files of Gazebo Classic \(package libgazebo-dev\), found"
    ):
        load_messages(tmp_path)
    (tmp_path / "bad.proto").write_text("message {")
    with pytest.raises(UserError, match="cannot be compiled"):
        load_messages(tmp_path)
