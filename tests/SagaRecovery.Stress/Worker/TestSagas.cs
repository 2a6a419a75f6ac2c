namespace SagaRecovery.Stress.Worker;

internal sealed record GoodParameters(int Number);

/// <summary>A few quick nodes, two of them in parallel.</summary>
internal sealed class GoodSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    public override string Name => SagaKind.Good;

    protected override void Define(SagaBuilder<GoodParameters> saga)
    {
        SagaNode<int> first = saga.Node<int>("first", async context =>
        {
            await journal.NoteAsync(context);
            return context.Parameters.Number;
        });
        SagaNode left = saga.Node("left", journal.NoteAsync, undo: null, first);
        SagaNode right = saga.Node("right", journal.NoteAsync, undo: null, first);
        saga.Node("last", journal.NoteAsync, undo: null, left, right);
    }
}

/// <summary>Its action hangs: it never returns, and ignores its token.</summary>
internal sealed class EndlessSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    public override string Name => SagaKind.Endless;

    protected override void Define(SagaBuilder<GoodParameters> saga) => saga.Node("endless", async context =>
    {
        await journal.NoteAsync(context);
        await Task.Delay(Timeout.Infinite, CancellationToken.None);
    });
}

/// <summary>Its action fails several times in each process before it succeeds.</summary>
internal sealed class FlappingSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    private const int FailedAttempts = 4;

    private static readonly NodePolicy Quickly = new() { Action = new StepPolicy { Delay = TimeSpan.FromMilliseconds(50) } };

    public override string Name => SagaKind.Flapping;

    protected override void Define(SagaBuilder<GoodParameters> saga) => saga.Node("flapping", Quickly, context =>
        context.Attempt <= FailedAttempts ? throw new TimeoutException($"attempt {context.Attempt}") : journal.NoteAsync(context));
}

/// <summary>Its outputs are just below the limit.</summary>
internal sealed class HugeSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    private const int Length = 1_000_000;

    private static readonly string[] Names = ["one", "two", "three"];

    public override string Name => SagaKind.Huge;

    protected override void Define(SagaBuilder<GoodParameters> saga)
    {
        SagaNode<string>[] parts = [.. Names.Select(name => saga.Node<string>(name, async context =>
        {
            await journal.NoteAsync(context);
            return new string(name[0], Length);
        }))];
        saga.Node(
            "sum",
            context => parts.Sum(part => context.Output(part).Length) == parts.Length * Length
                ? journal.NoteAsync(context)
                : throw new SagaActionException("cut", "An output was cut."),
            undo: null,
            parts);
    }
}

/// <summary>Its output is too large to be stored: a fault of the code, which no retry mends.</summary>
internal sealed class OversizedSaga : Saga<GoodParameters>
{
    public override string Name => SagaKind.Oversized;

    protected override void Define(SagaBuilder<GoodParameters> saga) =>
        saga.Node(SagaKind.Oversized, _ => Task.FromResult(new string('x', 2_000_000)));
}

internal sealed record MisreadParameters(Guid Code);

/// <summary>Its stored parameters do not match their type in this binary, so that the executor throws on resume.</summary>
internal sealed class MisreadSaga(ExecutionJournal journal) : Saga<MisreadParameters>
{
    public override string Name => SagaKind.Misread;

    protected override void Define(SagaBuilder<MisreadParameters> saga) => saga.Node("misread", journal.NoteAsync);
}

/// <summary>Its action takes as many milliseconds as its number, each time that it begins.</summary>
internal sealed class SlowSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    public override string Name => SagaKind.Slow;

    protected override void Define(SagaBuilder<GoodParameters> saga) => saga.Node("slow", async context =>
    {
        await journal.NoteAsync(context);
        await Task.Delay(context.Parameters.Number, context.CancellationToken);
    });
}

/// <summary>
/// Its action takes the whole process down, as a stack overflow or a bug in native code would, after as many milliseconds as its number.
/// </summary>
internal sealed class KillerSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    public override string Name => SagaKind.Killer;

    protected override void Define(SagaBuilder<GoodParameters> saga) => saga.Node("killer", async context =>
    {
        await journal.NoteAsync(context);
        await Task.Delay(context.Parameters.Number, CancellationToken.None);
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        self.Kill();
    });
}
