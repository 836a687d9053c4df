"""The frame parser: how many frames it parses at once, and what it refuses."""

from __future__ import annotations

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from benchmarks.attacks.floods import PING
from benchmarks.attacks.target import HANDSHAKE
from engine.server.frame_parser import MAX_FRAMES_PER_TURN, FrameParser, TooManyFrames
from engine.server.traffic import BURST_SECONDS


def open_parser(max_frames_per_second: int = 100) -> FrameParser:
    parser = FrameParser(1024, max_frames_per_second)
    parser.receive_data(HANDSHAKE)
    (request,) = parser.events_received()
    assert isinstance(request, Request)
    parser.send_response(parser.accept(request))
    parser.data_to_send()
    return parser


def count_pings(parser: FrameParser) -> int:
    events = parser.events_received()
    assert all(isinstance(each, Frame) and each.opcode is Opcode.PING for each in events)
    return len(events)


def test_a_turn_parses_a_few_frames_and_holds_the_rest() -> None:
    parser = open_parser()
    parser.receive_data(PING * 10 + PING[:3])
    counts = [count_pings(parser)]
    while parser.held:
        parser.receive_data(b"")
        counts.append(count_pings(parser))
    assert counts == [MAX_FRAMES_PER_TURN, MAX_FRAMES_PER_TURN, 10 - 2 * MAX_FRAMES_PER_TURN]
    parser.receive_data(PING[3:])
    assert count_pings(parser) == 1


def test_held_bytes_come_before_new_ones() -> None:
    parser = open_parser()
    parser.receive_data(PING * (MAX_FRAMES_PER_TURN + 1))
    parser.receive_data(PING[:1])
    assert count_pings(parser) == MAX_FRAMES_PER_TURN + 1
    assert parser.parser_exc is None


def test_too_many_frames_fail_the_connection_and_nothing_more_is_parsed() -> None:
    parser = open_parser(1)
    parser.receive_data(PING * 10_000)
    count = count_pings(parser)
    while parser.held:
        parser.receive_data(b"")
        count += count_pings(parser)
    assert isinstance(parser.parser_exc, TooManyFrames)
    assert count == BURST_SECONDS
    assert parser.close_sent is not None
    assert parser.close_sent.code == 1008
    assert (parser.held, parser.reader.buffer) == (b"", b"")


def test_a_frame_before_the_end_of_the_handshake_is_a_violation() -> None:
    parser = FrameParser(1024, 100)
    parser.receive_data(HANDSHAKE + PING)
    assert isinstance(parser.parser_exc, ProtocolError)
    assert parser.data_to_send() == [b""]  # no pong comes before the response
