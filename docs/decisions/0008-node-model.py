#!/usr/bin/env python3
"""A transactional node of decision 8, explored state by state: attempts whose answers are lost and whose commits arrive late, failures that
are written meanwhile, a process that is paused and its successor, and one fail-over that loses the last commit.
Each variant breaks one rule and must be found. Usage: 0008-node-model.py [variant ...]; without a variant it checks the decision."""
import sys
from collections import deque, namedtuple

RULES = ("plain_failure", "restore_all", "insert_over", "lost_is_failed")
V = set(sys.argv[1:])
assert V <= set(RULES), RULES
ATTEMPTS = 3  # transactions that may be on their way in the whole history

# The database. end: the event that ends the node (S or F; SF if both). rows: committed rows of the domain. over: None, or how the saga ended.
# join: the process and the number of the join that counts.
Db = namedtuple("Db", "end rows over join")
# A process. join: the number of its join. known: the end that it has recorded (None, S, F). phase: idle, or waits for the answer of a transaction.
# ran: it has made an attempt.
Proc = namedtuple("Proc", "alive join known phase ran")
# sent: transactions on their way: (process, join, kind). before: the database that a fail-over leads back to; None if it has happened or cannot.
World = namedtuple("World", "db procs sent used before failovers")

NEW = Proc(False, None, None, "idle", 0)
FIRST = Db("", 0, None, (0, 1))
INIT = World(FIRST, (Proc(True, 1, None, "idle", 0), NEW), (), 0, FIRST, 0)


def commit(w, db):
    return w._replace(db=db, before=w.db)


def put(w, i, **changes):
    return w._replace(procs=tuple(p._replace(**changes) if k == i else p for k, p in enumerate(w.procs)))


def apply(w, process, join, kind):
    """A transaction reaches the server, which runs it as a whole: lock, check, insert, commit. Returns the world and the answer."""
    db = w.db
    if db.over or db.join != (process, join):
        return w, "refused"
    if kind == "F" and "plain_failure" in V:  # a write that conflicts only with itself
        return (w, "written") if "F" in db.end else (commit(w, db._replace(end=db.end + "F")), "written")
    if db.end and not ("insert_over" in V and kind not in db.end):
        return w, "exists"
    return commit(w, db._replace(end=db.end + kind, rows=db.rows + (kind == "S"))), "written"


def steps(w):
    for i, p in enumerate(w.procs):
        if not p.alive:
            continue
        if p.known is None and p.phase == "idle":
            # The probe: an end that is in the log is taken, and nothing is run.
            if w.db.join == (i, p.join) and w.db.end:
                yield f"{i} finds {w.db.end}", put(w, i, known=w.db.end[0])
            elif w.used < ATTEMPTS:
                yield f"{i} sends its transaction", put(w._replace(sent=tuple(sorted(w.sent + ((i, p.join, "S"),))), used=w.used + 1), i, phase="waits", ran=1)
            if p.ran:  # an attempt that threw, was cut off, or whose answer was lost: the policy may call it failed
                yield from fail(w, i, p)
        if p.phase == "waits":
            yield f"{i} gets no answer", put(w, i, phase="idle")
            if "lost_is_failed" in V:
                yield f"{i} takes it for failed", put(commit(w, w.db._replace(over="unwound")), i, known="F", phase="idle")
        if p.known and w.db.join == (i, p.join) and w.db.end and not w.db.over:
            over = "succeeded" if p.known == "S" else "unwound"
            yield f"{i} ends the saga", commit(w, w.db._replace(over=over))
        if w.db.join[0] == i and w.db.join[1] != p.join and not w.db.over:
            # Its join is lost. It joins again and writes its events again, unless the log lacks one that was written with a row.
            join = w.db.join[1] + 1
            db = w.db._replace(join=(i, join))
            if p.known == "S" and not w.db.end and "restore_all" not in V:
                yield f"{i} is interrupted, and resumes", put(commit(w, db), i, join=join, known=None, phase="idle")
            elif p.known and p.known not in w.db.end:
                if w.db.end:
                    yield f"{i} is superseded, and resumes", put(commit(w, db), i, join=join, known=None, phase="idle")
                else:
                    yield f"{i} restores {p.known}", put(commit(w, db._replace(end=p.known)), i, join=join)
            else:
                yield f"{i} joins again", put(commit(w, db), i, join=join, phase="idle")
    for n, (process, join, kind) in enumerate(w.sent):
        left = w.sent[:n] + w.sent[n + 1:]
        after, answer = apply(w._replace(sent=left), process, join, kind)
        yield f"the server runs {kind} of {process}: {answer}", after
        p = w.procs[process]
        if p.alive and p.phase == "waits" and p.join == join and answer == "written" and not any(s[:2] == (process, join) for s in left):
            yield f"the server runs {kind} of {process}, which hears it", put(after, process, known=kind, phase="idle")
    if not w.procs[1].alive and not w.db.over:  # the successor; the first process sleeps, and wakes up at any time
        join = w.db.join[1] + 1
        yield "1 joins", put(commit(w, w.db._replace(join=(1, join))), 1, alive=True, join=join)
    if w.failovers == 0 and w.before is not None and not w.db.over:
        lost = w.before._replace(join=(w.before.join[0], w.before.join[1] + 10))  # a join counts only where it was made
        yield "a fail-over loses the last commit", w._replace(db=lost, before=lost, failovers=1)


def fail(w, i, p):
    after, answer = apply(w, i, p.join, "F")
    if answer == "written":
        yield f"{i} writes that it failed", put(after, i, known="F")
    if answer == "exists":
        yield f"{i} wants to fail, and finds {w.db.end}", put(w, i, known=w.db.end[0])


def mistake(w):
    db = w.db
    if len(db.end) > 1:
        return "one node both succeeded and failed"
    if db.rows > 1:
        return "the row was made twice"
    if db.end == "S" and db.rows != 1:
        return "succeeded without the row"
    if db.end != "S" and db.rows:
        return "a row without its event"
    if db.over == "unwound" and db.rows:
        return "unwound, and the row is left"
    return None


def explore():
    parents, queue = {INIT: None}, deque([INIT])
    while queue:
        w = queue.popleft()
        if wrong := mistake(w):
            path = []
            while parents[w]:
                w, label = parents[w]
                path.append(label)
            return wrong, path[::-1], len(parents)
        for label, after in steps(w):
            if after not in parents:
                parents[after] = (w, label)
                queue.append(after)
    return None, [], len(parents)


wrong, path, states = explore()
name = " ".join(sorted(V)) or "decision"
if wrong:
    print(f"COUNTEREXAMPLE ({name}): {wrong}\n  " + " -> ".join(path))
    sys.exit(1)
print(f"no violation in {states:,} states ({name})")
