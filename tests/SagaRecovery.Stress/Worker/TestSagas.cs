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

/// <summary>Its action never returns, and ignores its cancellation.</summary>
internal sealed class EndlessSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    public override string Name => SagaKind.Endless;

    protected override void Define(SagaBuilder<GoodParameters> saga) => saga.Node("endless", async context =>
    {
        await journal.NoteAsync(context);
        await Task.Delay(Timeout.Infinite, CancellationToken.None);
    });
}

internal sealed record MisreadParameters(Guid Code);

/// <summary>Its stored parameters do not match their type in this binary, so that the executor throws on resume.</summary>
internal sealed class MisreadSaga(ExecutionJournal journal) : Saga<MisreadParameters>
{
    public override string Name => SagaKind.Misread;

    protected override void Define(SagaBuilder<MisreadParameters> saga) => saga.Node("misread", journal.NoteAsync);
}

/// <summary>Its action takes the whole process down, as a stack overflow or a bug in native code would.</summary>
internal sealed class KillerSaga(ExecutionJournal journal) : Saga<GoodParameters>
{
    public override string Name => SagaKind.Killer;

    protected override void Define(SagaBuilder<GoodParameters> saga) => saga.Node("killer", async context =>
    {
        await journal.NoteAsync(context);
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        self.Kill();
    });
}
