using Microsoft.CodeAnalysis;

namespace SagaRecovery.Analyzers;

/// <summary>The rules, as a build reports them. <c>docs/analyzers.md</c> has a section for each.</summary>
internal static class Rules
{
    public const string KeepsStateId = "SAGA001";
    public const string UnstableValueId = "SAGA002";
    public const string IgnoredTokenId = "SAGA003";
    public const string OutputOrderId = "SAGA004";
    public const string StartId = "SAGA005";
    public const string DuplicateSagaId = "SAGA006";

    private const string Category = "SagaRecovery";
    private const string HelpPage = "https://github.com/sagarecovery/sagarecovery/blob/main/docs/analyzers.md";

    public static readonly DiagnosticDescriptor KeepsState = new(
        KeepsStateId,
        "A saga class keeps no state",
        "'{0}' holds state that '{1}' changes: one instance serves all runs, and a crash loses the state",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "One instance of a saga class serves every saga of its kind, on many threads at once. What an action writes into it is visible to "
        + "all other sagas and is lost in a crash. Return the value from the action and read it with NodeContext.Output.",
        Help(KeepsStateId));

    public static readonly DiagnosticDescriptor UnstableValue = new(
        UnstableValueId,
        "A value that changes with each run does not reach other systems",
        "'{0}' gives another value when the node runs again after a crash, and '{1}' receives it: use the idempotency key, or return the "
        + "value from an earlier node",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "An action or undo that was under way in a crash runs again. A new id, time or random number then names another thing, and the first "
        + "one stays behind. Use NodeContext.IdempotencyKey, or make the value in a node of its own that returns it.",
        Help(UnstableValueId));

    public static readonly DiagnosticDescriptor IgnoredToken = new(
        IgnoredTokenId,
        "An action passes on its cancellation token",
        "'{0}' accepts a CancellationToken: pass '{1}.CancellationToken'",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "NodeContext.CancellationToken fires when this process must stop running the saga. A call that does not receive it delays the shutdown "
        + "and may run on after another process has taken the saga over.",
        Help(IgnoredTokenId));

    public static readonly DiagnosticDescriptor OutputOrder = new(
        OutputOrderId,
        "A node reads outputs only of nodes that it comes after",
        "Node '{0}' reads the output of node '{1}' but does not come after it: name '{1}' in its 'after'",
        Category,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A node can read the output of a node only if it comes after that node, directly or through others. NodeContext.Output throws "
        + "otherwise, the action counts as failed, and the saga unwinds.",
        Help(OutputOrderId));

    public static readonly DiagnosticDescriptor StartNotDisposed = new(
        StartId,
        "A saga is announced before its insert, and its start is disposed",
        "The announced start is not disposed on every path: declare it with 'using'",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Recovery leaves an announced saga alone until its start is confirmed or withdrawn. A start that is neither stays open for as long as "
        + "the process lives, and its saga is not recovered.",
        Help(StartId));

    public static readonly DiagnosticDescriptor InsertedBeforeAnnouncement = new(
        StartId,
        "A saga is announced before its insert, and its start is disposed",
        "The saga is inserted before it is announced: recovery may run it a second time",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A recovery pass that lists the row before it learns of the start takes the saga for an orphan and resumes it, while this process runs "
        + "it, too. Announce the saga first.",
        Help(StartId));

    public static readonly DiagnosticDescriptor DuplicateSaga = new(
        DuplicateSagaId,
        "A saga's name and version are unique",
        "Saga '{0}' version {1} is also defined by '{2}': a host that registers both does not start",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A stored saga names its definition by name and version. Two classes that share both cannot be registered in one host with AddSaga. Raise "
        + "the version of the newer one, give it another name, or register the older one with AddFormerSaga.",
        Help(DuplicateSagaId),
        WellKnownDiagnosticTags.CompilationEnd);

    private static string Help(string id) => $"{HelpPage}#{id.ToLowerInvariant()}";
}
