"""The rule of decision 10 as a small executable model: ranges of adopt_xid outside of which a coordinator has no unfinished saga.

Two sagas, a few transactions. A transaction gets its number when it begins, and makes one saga unfinished (a start, a reassignment to this
coordinator, a stuck saga that unwinds again) or ends it. Two writers take ranges from a snapshot, through the ranges that are stored, and store
them at any later time, in any order. At every state a listing that reads the stored ranges only must find each unfinished saga.

    python3 docs/decisions/0010-listing-model.py              # walks every state: no violation
    python3 docs/decisions/0010-listing-model.py no_xip       # ranges that omit the transactions in progress: a counterexample
    python3 docs/decisions/0010-listing-model.py no_rise      # a saga that becomes unfinished again keeps its number: a counterexample
    python3 docs/decisions/0010-listing-model.py last_only    # ranges that begin with the newest unfinished saga: a counterexample
"""

import sys
from collections import deque

VARIANT = sys.argv[1] if len(sys.argv) > 1 else ""
SAGAS, TRANSACTIONS, OPEN, WRITERS = 2, 5, 2, 2
EVERYTHING = ((0, 99),)
# A state: for each saga its number, or None if it is not unfinished; the number that it had before; the open transactions (number, saga, becomes
# unfinished); the next number; the stored ranges; for each writer the ranges that it has taken and not stored yet, or None.
FIRST = ((None,) * SAGAS, (None,) * SAGAS, (), 1, EVERYTHING, (None,) * WRITERS)


def put(values, index, value):
    return values[:index] + (value,) + values[index + 1:]


def listed(numbers, ranges):
    return {s for s, n in enumerate(numbers) if n is not None and any(low <= n <= high for low, high in ranges)}


def take(state):
    numbers, _, open_, following, ranges, _ = state
    points = sorted(numbers[s] for s in listed(numbers, ranges))
    if VARIANT == "last_only":
        points = points[-1:]
    if VARIANT != "no_xip":
        points = sorted(set(points) | {number for number, _, _ in open_})
    return tuple((p, p) for p in points) + ((following, 99),)


def steps(state):
    numbers, former, open_, following, ranges, writers = state
    if following <= TRANSACTIONS and len(open_) < OPEN:
        for saga in range(SAGAS):
            if all(s != saga for _, s, _ in open_):  # the second would wait for the row
                becomes = numbers[saga] is None
                yield (f"transaction {following} begins: saga {saga} {'unfinished' if becomes else 'ends'}",
                       (numbers, former, open_ + ((following, saga, becomes),), following + 1, ranges, writers))
    for i, (number, saga, becomes) in enumerate(open_):
        rest = open_[:i] + open_[i + 1:]
        mark = former[saga] if VARIANT == "no_rise" and former[saga] is not None else number
        yield (f"transaction {number} commits",
               (put(numbers, saga, mark if becomes else None), put(former, saga, mark if becomes else former[saga]), rest, following, ranges, writers))
        yield (f"transaction {number} aborts", (numbers, former, rest, following, ranges, writers))
    for i, taken in enumerate(writers):
        if taken is None:
            yield (f"writer {i} takes ranges {take(state)}", (numbers, former, open_, following, ranges, put(writers, i, take(state))))
        else:
            yield (f"writer {i} stores {taken}", (numbers, former, open_, following, taken, put(writers, i, None)))


parents = {FIRST: None}
queue = deque([FIRST])
while queue:
    state = queue.popleft()
    if listed(state[0], state[4]) != {s for s, n in enumerate(state[0]) if n is not None}:
        trail = []
        while parents[state] is not None:
            state, step = parents[state]
            trail.append(step)
        print("A listing misses a saga:", *reversed(trail), sep="\n  ")
        sys.exit(1)
    for step, following_state in steps(state):
        if following_state not in parents:
            parents[following_state] = (state, step)
            queue.append(following_state)
print(f"no violation in {len(parents):,} states")
