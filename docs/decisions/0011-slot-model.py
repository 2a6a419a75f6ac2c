#!/usr/bin/env python3
"""The rules of decisions 1 and 11 for one saga id, explored state by state: a pass may let the saga wait for a slot, and a refill resumes it between
two passes. The rest is 0001-start-model.py: two starts of the id, of which one may be in a transaction of its caller, inserts whose answer is lost, ends, passes cut at every step, reassignment away and back, a successor process and a zombie.
Each variant breaks one rule and must be found. Usage: 0011-slot-model.py [variant ...]; without a variant it checks the decision."""
import sys
from collections import namedtuple, deque
V = set(sys.argv[1:])          # no_check_at_load no_second_drain no_first_drain two_miss no_generation withdraw_all no_fence announce_transaction
MAXPASS, MAXGEN = (4 if "two_miss" in V else 2), 3

# proc: alive, queue(tuple of msgs), leases(tuple of (lease,status,gen)), rec(gen or 0), running(gen or 0), ph, settled(bool), listed(gen or 0), passes, missed
P = namedtuple("P", "alive q leases rec run ph settled listed passes missed bucket wait")
# world: row (state,owner,gen) or None; inc; procs(2); starts(tuple of stage per start); landing(bool: an INSERT with lost answer may still land); gens used
# tx: a transaction of a caller in process 0 that starts the saga: new, open, or ended
W = namedtuple("W", "row inc procs starts landing tx")
NEW = P(False, (), (), 0, 0, "idle", False, 0, 0, False, "", 0)
init = W(None, 1, (NEW._replace(alive=True), NEW), ("new", "new"), False, "new")

def setp(w, k, p): return w._replace(procs=tuple(p if i == k else w.procs[i] for i in range(2)))

def drain(p):
    L = {l: (s, g) for l, s, g in p.leases}
    for kind, lease, gen in p.q:
        if kind == "A": L[lease] = ("A", 0)
        elif kind == "C": L[lease] = ("C", gen)
        elif kind == "W":
            if "withdraw_all" in V: L = {}
            else: L.pop(lease, None)
    confirmed = any(s == "C" and g >= p.wait for s, g in L.values()) 
    return p._replace(q=(), leases=tuple(sorted((l, s, g) for l, (s, g) in L.items())), wait=0 if confirmed else p.wait)

def known(p): return bool(p.leases) or p.rec > 0
def gen_known(p):
    return max([g for _, _, g in p.leases] + [p.rec, 0]) or 1     # announced only: generation 1 by construction
def settled(p): return p.rec > 0 or any(s == "C" for _, s, _ in p.leases)
def pure_starting(p): return p.rec == 0 and all(s == "A" for _, s, _ in p.leases)

def steps(w):
    """yield (label, world', violation or None)"""
    row = w.row
    # --- starts in process 0
    p = w.procs[0]
    if p.alive:
        for i, st in enumerate(w.starts):
            def go(stage, w2): return w2._replace(starts=tuple(stage if j == i else w2.starts[j] for j in range(2)))
            if st == "new" and (i == 0 or w.starts[0] != "new"):
                yield ("announce%d" % i, go("ann", setp(w, 0, p._replace(q=p.q + (("A", i, 0),)))), None)
            if st == "ann":
                fenced = w.inc != 1 and "no_fence" not in V
                if row is None and not fenced:
                    yield ("insert ok%d" % i, go("ok", w._replace(row=("run", "C", 1))), None)
                    if not w.landing: yield ("insert lost, landed%d" % i, go("failed", w._replace(row=("run", "C", 1))), None)
                    if not w.landing: yield ("insert lost, lands later%d" % i, go("failed", w._replace(landing=True)), None)
                yield ("insert failed%d" % i, go("failed", w), None)
            if st == "ok":      # this start runs the saga, then confirms
                # the executor's guard: one run to an id; a run of a newer generation is never replaced by an older one
                yield ("run%d" % i, go("running", setp(w, 0, p._replace(run=p.run or 1))), None)
            if st == "running":
                yield ("confirmed%d" % i, go("confirmed", setp(w, 0, p._replace(q=p.q + (("C", i, 1),)))), None)
            if st == "failed":
                yield ("withdrawn%d" % i, go("gone", setp(w, 0, p._replace(q=p.q + (("W", i, 0),)))), None)
    # --- a start in a transaction of the caller: it may commit after its process has ended, and takes no lock of the fence
    if w.tx == "new" and p.alive and w.inc == 1:
        announced = p._replace(q=p.q + (("A", 2, 0),)) if "announce_transaction" in V else p
        yield ("transaction begins", setp(w._replace(tx="open"), 0, announced), None)
    if w.tx == "open":
        if row is None: yield ("transaction commits", w._replace(row=("run", "C", 1), tx="ended"), None)
        yield ("transaction rolls back", w._replace(tx="ended"), None)
    if w.landing and row is None and w.inc == 1:
        yield ("late insert lands", w._replace(row=("run", "C", 1), landing=False), None)
    if w.landing: yield ("late insert never lands", w._replace(landing=False), None)
    # --- reassignment
    if row and row[0] == "run" and row[2] < MAXGEN:
        yield ("reassign", w._replace(row=("run", "Q" if row[1] == "C" else "C", row[2] + 1)), None)
    if row and row[0] == "run" and row[1] == "Q": yield ("Q finishes", w._replace(row=("done", "Q", row[2])), None)
    # --- successor process
    if w.inc == 1 and not w.procs[1].alive:
        w2 = setp(w._replace(inc=2), 1, NEW._replace(alive=True))
        yield ("successor joins, old lives on", w2, None)
        yield ("crash and restart", w2._replace(procs=(NEW, w2.procs[1]), starts=("dead", "dead"), landing=w.landing), None)
    # --- processes
    for k in range(2):
        p = w.procs[k]
        if not p.alive: continue
        mine = (w.inc == k + 1)
        if p.run:
            valid = row and row[0] == "run" and row[1] == "C" and row[2] == p.run and (mine or "no_fence" in V)
            if valid: yield ("finish@%d" % k, setp(w._replace(row=("done", "C", row[2])), k, p._replace(run=0)), None)
            else: yield ("fenced stop@%d" % k, setp(w, k, p._replace(run=0)), None)
        if p.wait and p.ph == "idle":
            q = p._replace(wait=0)
            bad = None
            live = (bool(p.leases) or p.rec > 0) and gen_known(p) >= p.wait
            if not live:
                # loading checks again, at the generation of the listing
                if "no_check_at_load" in V or (row and row[0] == "run" and row[1] == "C" and row[2] == p.wait and mine):
                    if q.run and q.run >= p.wait: bad = "a refill resumes it while it runs here"
                    if "no_check_at_load" in V and row and row[0] == "run" and row[1] == "C" and row[2] > p.wait and mine: bad = "a refill resumes an old generation"
                    if "no_check_at_load" in V and row and row[0] == "done": bad = "a refill resumes what has ended"
                    q = q._replace(run=p.wait, rec=p.wait)
            yield ("refill@%d" % k, setp(w, k, q), bad)
        if p.ph == "idle" and p.passes < MAXPASS:
            q = p if "no_first_drain" in V or "two_miss" in V else drain(p)
            yield ("open@%d" % k, setp(w, k, q._replace(ph="open", settled=settled(q))), None)
        if p.ph == "open":
            l = row[2] if row and row[0] == "run" and row[1] == "C" else 0
            yield ("list@%d=%d" % (k, l), setp(w, k, p._replace(ph="listed", listed=l)), None)
        if p.ph == "listed":
            q = p if "no_second_drain" in V else drain(p)
            b, miss = "none", False
            if not q.listed or (known(q) and (gen_known(q) >= q.listed or p.wait)):
                q = q._replace(wait=0)
            if q.listed and q.wait and not known(q):
                b = "waiting"
                q = q._replace(wait=max(q.wait, q.listed))
            elif q.listed and not known(q): b = "recover"
            elif q.listed and gen_known(q) < q.listed and "no_generation" not in V: b = "readopt"
            elif q.listed: b = "running"
            elif known(q):
                if "two_miss" in V:
                    if p.missed: b = "forget"
                    else: miss = True
                elif "no_first_drain" in V: b = "forget" if settled(q) else "none"
                elif p.settled: b = "forget"
            q = q._replace(ph="planned", bucket=b, missed=miss)
            yield ("plan@%d:%s" % (k, b), setp(w, k, q), None)
            if b == "recover":      # or the executor has no capacity
                yield ("plan@%d:wait" % k, setp(w, k, q._replace(bucket="none", wait=q.listed)), None)
        if p.ph == "planned":
            q = p._replace(ph="idle", passes=p.passes + 1, settled=False, listed=0, bucket="")
            bad = None
            if p.bucket == "forget":
                # keep leases announced after the first drain: a new start of the same id
                keep = tuple(x for x in q.leases if x[1] == "A") if "two_miss" not in V else ()
                if q.run and row and row[0] == "run" and row[1] == "C" and row[2] == q.run and mine: bad = "forgot a saga that runs here and is ours"
                q = q._replace(leases=keep, rec=0, run=0 if not (row and row[0] == "run" and row[1] == "C" and row[2] == q.run) else q.run)
            if p.bucket in ("recover", "readopt"):
                # loading checks again: a saga that was superseded since the listing is dropped
                if row and row[0] == "run" and row[1] == "C" and row[2] == p.listed and mine:
                    if q.run and q.run == p.listed: bad = "resumed while it runs here"
                    elif q.run and p.bucket == "recover" and mine and q.run == row[2]: bad = "resumed while it runs here"
                    q = q._replace(run=p.listed, rec=p.listed)
            yield ("execute@%d:%s" % (k, p.bucket), setp(w, k, q), bad)

def counting_runs(w):
    r = w.row
    n = 0
    for k, p in enumerate(w.procs):
        if p.alive and p.run and r and r[0] == "run" and r[1] == "C" and r[2] == p.run and (w.inc == k + 1 or "no_fence" in V): n += 1
    return n

def live_check(w):
    """from here, with nothing else happening but the last reports of the starts, three passes of the current process must leave it running if it is ours and in progress"""
    k = w.inc - 1
    if not w.procs[k].alive: return None
    for i in range(2):
        if w.starts[i] in ("ok", "running", "ann", "failed") and k == 0: return None   # a start has still to report
    if any(p.ph != "idle" for p in w.procs): return None
    p = w.procs[k]
    for _ in range(3):
        p = drain(p); s = settled(p)
        l = w.row[2] if w.row and w.row[0] == "run" and w.row[1] == "C" else 0
        p = p._replace(wait=0)      # a saga that waits gets its turn, or is dropped
        if l and (not known(p) or gen_known(p) < l) and not ("no_generation" in V and known(p)): p = p._replace(run=l, rec=l)
        elif not l and known(p) and (s or "two_miss" in V): p = p._replace(leases=(), rec=0, run=0)
    if l and p.run != l: return "in progress, ours, and no process runs it"
    if not l and known(p): return "leak: tracked without end"
    return None

seen, queue, par = {init}, deque([init]), {init: None}
found = None
while queue and not found:
    w = queue.popleft()
    if counting_runs(w) > 1: found = (w, "two owners whose writes both count"); break
    lv = live_check(w)
    if lv: found = (w, lv); break
    for label, w2, bad in steps(w):
        if w2 not in seen or bad:
            if w2 not in par: par[w2] = (w, label)
            if bad: found = (w2, bad); par[w2] = (w, label); break
            seen.add(w2); queue.append(w2)
if found:
    w, why = found; path = []
    while par[w]: w, l = par[w]; path.append(l)
    print("COUNTEREXAMPLE (%s): %s\n  %s" % (" ".join(sorted(V)) or "design", why, " -> ".join(reversed(path))))
    sys.exit(1)
print("no violation in %d states (%s)" % (len(seen), " ".join(sorted(V)) or "design"))
