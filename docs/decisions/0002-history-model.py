#!/usr/bin/env python3
"""Explicit-state check of ownership when the database is started anew or loses commits (a fail-over to a standby that was behind, a restore).
One coordinator id, up to three processes one after the other or at once, one saga of two steps. A join counts only on the run of the server on
which it was made. A process whose join does not count any more joins again if the row carries its own join or one before it; then it writes
again what it knows of the saga that it runs. The end of a run is told to the tracker.
Usage: 0002-history-model.py [variant ...]; none = the rules. Variants, each of which has a counterexample: no_run (the run of the server is not
compared), no_ended, no_rewrite, any (any process may join again)."""
import sys
from collections import namedtuple, deque
V = set(sys.argv[1:])
STEPS, LOSSES = 2, 2
DB = namedtuple("DB", "join run_at row log run")          # join: its token and those before it; run_at: the run of the server on which it was made
PR = namedtuple("PR", "st join anc run tracked")           # anc: joins before this one, as the process read them when it joined
W = namedtuple("W", "db past procs losses joins")
init = W(DB((0, frozenset()), 0, None, frozenset(), 0), (), (PR("new", 0, frozenset(), -1, False),) * 3, LOSSES, 0)
def commit(w, db): return w._replace(past=(w.past + (w.db,))[-2:], db=db)
def put(w, k, p): return w._replace(procs=tuple(p if i == k else q for i, q in enumerate(w.procs)))
def counts(w, p): return p.st == "up" and p.join == w.db.join[0] and ("no_run" in V or w.db.run_at == w.db.run)
def joined(w, k):
    j = w.joins + 1
    anc = w.db.join[1] | ({w.db.join[0]} if w.db.join[0] else set())
    w2 = commit(w._replace(joins=j), w.db._replace(join=(j, frozenset(anc)), run_at=w.db.run))
    return w2, w.procs[k]._replace(st="up", join=j, anc=frozenset(anc))
def mine_or_before(w, p):
    row = w.db.join[0]
    if "any" in V: return True
    return row == p.join or row == 0 or row in p.anc
def steps(w):
    for k, p in enumerate(w.procs):
        if p.st == "new" and all(q.st != "new" for q in w.procs[:k]):
            w2, q = joined(w, k); yield "join%d" % k, put(w2, k, q), None
        if p.st in ("up", "fenced"): yield "kill%d" % k, put(w, k, p._replace(st="dead", run=-1)), None
        if p.st != "up": continue
        if w.db.row is None and counts(w, p) and p.run < 0 and not p.tracked:
            yield "start%d" % k, put(commit(w, w.db._replace(row="run")), k, p._replace(run=0, tracked=True)), None
        if p.run >= 0 and counts(w, p):
            if w.db.row is None: yield "lost row%d" % k, put(w, k, p._replace(run=-1, tracked=False)), None
            elif w.db.row == "done": yield "refused%d" % k, put(w, k, p._replace(run=-1)), None
            elif p.run < STEPS: yield "step%d" % k, put(commit(w, w.db._replace(log=w.db.log | {p.run})), k, p._replace(run=p.run + 1)), None
            else: yield "end%d" % k, put(commit(w, w.db._replace(row="done")), k, p._replace(run=-1, tracked="no_ended" in V)), None
        if not counts(w, p):
            if not mine_or_before(w, p): yield "fenced%d" % k, put(w, k, p._replace(st="fenced", run=-1)), None
            else:
                w2, q = joined(w, k)
                q = q._replace(anc=q.anc | p.anc | {p.join})
                if q.run >= 0 and "no_rewrite" not in V:
                    if w2.db.row == "run": w2 = commit(w2, w2.db._replace(log=w2.db.log | set(range(q.run))))
                    else: q = q._replace(run=-1, tracked=False)
                # fights: takes over from a join that was made after its own, by a process that lives and is not fenced
                o = [x for i, x in enumerate(w.procs) if i != k and x.st == "up" and x.join == w.db.join[0] and x.join > p.join]
                yield "rejoin%d" % k, put(w2, k, q), "an older process takes over from its successor" if o else None
        elif w.db.row == "run" and not p.tracked and p.run < 0:
            yield "recover%d" % k, put(w, k, p._replace(run=first_hole(w.db.log), tracked=True)), None
        elif w.db.row != "run" and p.tracked and p.run < 0:
            yield "forget%d" % k, put(w, k, p._replace(tracked=False)), None
    if w.losses:
        yield "restart", w._replace(db=w.db._replace(run=w.db.run + 1), past=(), losses=w.losses - 1), None
        for n in range(1, len(w.past) + 1):
            yield "lose %d" % n, w._replace(db=w.past[-n]._replace(run=w.db.run + 1), past=(), losses=w.losses - 1), None
def first_hole(log):
    n = 0
    while n in log: n += 1
    return n
def broken(w):
    if sum(1 for p in w.procs if counts(w, p)) > 1: return "two processes whose writes both count"
    if w.db.log and (set(range(max(w.db.log) + 1)) - w.db.log): return "a hole in the log"
    if w.db.row == "done" and len(w.db.log) < STEPS: return "ended without all its steps in the log"
    return None
def stands_still(w):
    if w.db.row != "run" or not any(p.st == "up" for p in w.procs): return None
    cur = w._replace(losses=0)
    for _ in range(40):
        nxt = [x for l, x, _ in steps(cur) if not l.startswith(("join", "kill", "lose", "restart"))]
        if cur.db.row != "run": return None
        if not nxt: break
        cur = nxt[0]
    if cur.db.row != "run" or not any(p.st == "up" for p in cur.procs): return None
    return "in progress, a process is up, and no process runs it"
seen, queue, par, found = {init}, deque([init]), {init: None}, None
while queue:
    w = queue.popleft()
    why = broken(w) or stands_still(w)
    if why: found = (w, why); break
    for label, w2, bad in steps(w):
        if bad: par[(w2, bad)] = (w, label); found = ((w2, bad), bad); break
        if w2 not in seen: seen.add(w2); par[w2] = (w, label); queue.append(w2)
    if found: break
if found:
    w, why = found; path = []
    while par[w]: w, l = par[w]; path.append(l)
    print("COUNTEREXAMPLE (%s): %s\n  %s" % (" ".join(sorted(V)) or "design", why, " -> ".join(reversed(path)))); sys.exit(1)
print("no violation in %d states (%s)" % (len(seen), " ".join(sorted(V)) or "design"))
