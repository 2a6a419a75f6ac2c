using System.Collections.Concurrent;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>
/// Visits every state that the real code can reach within the bounds, in the order of their distance from the beginning, so that a
/// counterexample is a shortest one. States are reached by making all the moves again on new objects: real objects cannot be copied.
/// </summary>
internal sealed class Explorer
{
    private readonly ConcurrentDictionary<UInt128, byte> _seen = new();
    private readonly ConcurrentBag<Counterexample> _found = [];
    private readonly Bounds _bounds;
    private readonly Promise? _only;
    private long _moves;

    private Explorer(Bounds bounds, Promise? only)
    {
        _bounds = bounds;
        _only = only;
    }

    /// <summary>Explores. On the thread pool, since a synchronization context would send what runs inline to other threads.</summary>
    /// <param name="bounds">The bounds.</param>
    /// <param name="only">The promise whose violation is searched for; null: any.</param>
    public static Task<ExplorationResult> ExploreAsync(Bounds bounds, Promise? only = null) =>
        Task.Run(() => new Explorer(bounds, only).Explore());

    /// <summary>The entry point of <see cref="BrokenCode"/>, over a boundary that only strings cross.</summary>
    public static async Task<string?> FindCounterexampleAsync(string bounds, string promise) =>
        (await ExploreAsync(KnownBounds.Get(bounds), Enum.Parse<Promise>(promise))).Counterexample?.ToString();

    private ExplorationResult Explore()
    {
        _seen.TryAdd(new World(_bounds).Fingerprint(), 0);
        List<Node> frontier = [new Node(Parent: null, default)];
        int depth = 0;
        for (; frontier.Count > 0 && _found.IsEmpty; depth++)
        {
            var next = new ConcurrentBag<Node>();
            Parallel.ForEach(frontier, node => Expand(node, next));
            frontier = [.. next];
        }

        return new ExplorationResult(_bounds, _seen.Count, _moves, depth, _found.MinBy(example => example.ToString(), StringComparer.Ordinal));
    }

    private void Expand(Node node, ConcurrentBag<Node> next)
    {
        Move[] path = node.Path();
        World? world = Replay(path);
        foreach (Move move in world.Moves())
        {
            world ??= Replay(path);
            Interlocked.Increment(ref _moves);
            try
            {
                world.Make(move);
            }
            catch (Violation violation)
            {
                if (_only is null || _only == violation.Promise)
                {
                    _found.Add(new Counterexample(violation, Describe([.. path, move])));
                }

                world = null;
                continue; // states beyond a broken promise are of no interest
            }

            if (_seen.TryAdd(world.Fingerprint(), 0))
            {
                next.Add(new Node(node, move));
            }

            world = null; // used up
        }
    }

    private World Replay(Move[] path)
    {
        var world = new World(_bounds);
        foreach (Move move in path)
        {
            world.Make(move, wasChecked: true);
        }

        return world;
    }

    private List<string> Describe(Move[] path)
    {
        World world = Replay([]);
        List<string> words = [];
        foreach (Move move in path)
        {
            words.Add(world.Describe(move));
            if (words.Count < path.Length)
            {
                world.Make(move, wasChecked: true);
            }
        }

        return words;
    }

    /// <summary>One state, by the moves that lead there.</summary>
    private sealed record Node(Node? Parent, Move Move)
    {
        public Move[] Path()
        {
            List<Move> path = [];
            for (Node node = this; node.Parent is not null; node = node.Parent)
            {
                path.Add(node.Move);
            }

            path.Reverse();
            return [.. path];
        }
    }
}

/// <summary>The result of an exploration.</summary>
/// <param name="Bounds">The bounds of the exploration.</param>
/// <param name="States">Different states.</param>
/// <param name="Moves">Moves that were made from them.</param>
/// <param name="Depth">Moves of the longest way to a state.</param>
/// <param name="Counterexample">A shortest way to break a promise; null: none was broken.</param>
internal sealed record ExplorationResult(Bounds Bounds, int States, long Moves, int Depth, Counterexample? Counterexample)
{
    public override string ToString() => FormattableString.Invariant(
        $"{Bounds.Name}: {States} states, {Moves} moves, {Depth} deep: {Counterexample?.ToString() ?? "no promise is broken"}");
}

/// <summary>The moves that break a promise.</summary>
internal sealed record Counterexample(Violation Violation, IReadOnlyList<string> Path)
{
    public override string ToString() => $"{Violation.Promise} is broken: {Violation.Message}, after {Path.Count} moves:\n  {string.Join("\n  ", Path)}";
}
