namespace SagaRecovery.Stress.Worker;

/// <summary>An event in the log of a seeded saga.</summary>
internal sealed record SeededEvent(int Node, string Type, string? Data = null);

/// <summary>
/// A kind of saga to put into the database as it would be found after a crash, or as no executor can have left it.
/// </summary>
/// <param name="Kind">Its name here.</param>
/// <param name="Definition">The name of its definition.</param>
/// <param name="Nodes">Its nodes as the store has them.</param>
/// <param name="Parameters">Its parameters as they are stored.</param>
/// <param name="Log">Its log.</param>
internal sealed record SagaKind(string Kind, string Definition, string Nodes, string Parameters, params IReadOnlyList<SeededEvent> Log)
{
    public const string Good = "good";
    public const string Endless = "endless";
    public const string Killer = "killer";
    public const string Slow = "slow";
    public const string Flapping = "flapping";
    public const string Huge = "huge";
    public const string Oversized = "oversized";
    public const string Misread = "misread";
    public const string Unknown = "unknown";
    public const string Corrupt = "corrupt";

    private const string GoodNodes = """
        {"id":0,"name":"first","undo":false,"after":[]},{"id":1,"name":"left","undo":false,"after":[0]},
        {"id":2,"name":"right","undo":false,"after":[0]},{"id":3,"name":"last","undo":false,"after":[1,2]}
        """;

    private const string HugeNodes = """
        {"id":0,"name":"one","undo":false,"after":[]},{"id":1,"name":"two","undo":false,"after":[]},
        {"id":2,"name":"three","undo":false,"after":[]},{"id":3,"name":"sum","undo":false,"after":[0,1,2]}
        """;

    private static readonly SeededEvent[] FirstIsDone = Done(0, "7");

    /// <summary>The good ones are as a crash leaves them: not begun, half-way, all but done.</summary>
    public static IReadOnlyList<SagaKind> Goods { get; } =
    [
        new("good, not begun", Good, GoodNodes, """{"number":7}"""),
        new("good, half-way", Good, GoodNodes, """{"number":7}""", [.. FirstIsDone, new(1, "started")]),
        new("good, all but done", Good, GoodNodes, """{"number":7}""", [.. FirstIsDone, .. Done(1), .. Done(2)]),
    ];

    /// <summary>Not begun, in great numbers.</summary>
    public static SagaKind Backlog { get; } = new("good", Good, GoodNodes, """{"number":7}""");

    /// <summary>They end well, but not easily: after failed attempts, or with outputs of almost a megabyte.</summary>
    public static IReadOnlyList<SagaKind> Burdens { get; } =
    [
        new("good, flapping", Flapping, Single(Flapping), """{"number":7}"""),
        new("good, huge", Huge, HugeNodes, """{"number":7}"""),
    ];

    public static SagaKind Endlessly { get; } = new(Endless, Endless, Single(Endless), """{"number":7}""");

    public static SagaKind Killing { get; } = KillingAfter(TimeSpan.Zero);

    /// <summary>Its action takes long and then ends.</summary>
    public static SagaKind Slowly(TimeSpan time) => new("good, slow", Slow, Single(Slow), Milliseconds(time));

    public static SagaKind KillingAfter(TimeSpan time) => new(Killer, Killer, Single(Killer), Milliseconds(time));

    public static IReadOnlyList<SagaKind> Poisons { get; } =
    [
        Endlessly,
        new(Oversized, Oversized, Single(Oversized), """{"number":7}"""),
        new(Misread, Misread, Single(Misread), """{"code":"not one"}"""),
        new(Unknown, Unknown, Single("node"), "{}"),
        new("corrupt, succeeded and failed", Good, GoodNodes, """{"number":7}""", [.. FirstIsDone, new(0, "failed", "7")]),
        new("corrupt, a node that is not", Good, GoodNodes, """{"number":7}""", new SeededEvent(99, "started")),
        new("corrupt, an undo after a child's had failed", Good, GoodNodes, """{"number":7}""", new(1, "undo_failed", "7"), new(0, "undo_started")),
    ];

    /// <summary>The definition in its canonical form: if this is not the worker's own to the byte, it does not know the saga.</summary>
    public string Dag => $$"""{"name":"{{Definition}}","version":1,"nodes":[{{Nodes.ReplaceLineEndings("")}}]}""";

    private static SeededEvent[] Done(int node, string? output = null) => [new(node, "started"), new(node, "succeeded", output)];

    private static string Milliseconds(TimeSpan time) => $$"""{"number":{{(int)time.TotalMilliseconds}}}""";

    private static string Single(string node) => $$"""{"id":0,"name":"{{node}}","undo":false,"after":[]}""";
}
