from __future__ import annotations

import threading

import pytest

from avatar_gpu.channel import Channel, Closed, Switch


def test_items_arrive_in_order_and_the_end_is_seen() -> None:
    channel: Channel[int] = Channel(Switch(), 2)

    def produce() -> None:
        for i in range(50):
            channel.put(i)
        channel.end()

    producer = threading.Thread(target=produce)
    producer.start()
    assert list(channel) == list(range(50))
    producer.join(5)
    assert channel.take() == []


def test_take_returns_everything_that_waits() -> None:
    channel: Channel[int] = Channel(Switch(), 8)
    for i in range(5):
        channel.put(i)
    assert channel.take() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("blocked", ["put", "take", "iterate"])
def test_a_stop_wakes_whoever_waits(blocked: str) -> None:
    switch = Switch()
    channel: Channel[int] = Channel(switch, 1)
    seen: list[BaseException] = []

    def wait() -> None:
        try:
            if blocked == "put":
                channel.put(1)
                channel.put(2)
            elif blocked == "take":
                channel.take()
            else:
                next(iter(channel))
        except Closed as error:
            seen.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    switch.stop()
    thread.join(5)
    assert len(seen) == 1


def test_nothing_can_be_put_after_a_stop() -> None:
    switch = Switch()
    channel: Channel[int] = Channel(switch, 1)
    switch.stop()
    with pytest.raises(Closed):
        channel.put(1)
