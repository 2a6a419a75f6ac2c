using FsCheck;
using FsCheck.Fluent;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

/// <summary>
/// Any DAG, any interleaving, any failures of actions and undos, a cancellation at any time, a crash between any two events. A failure prints the seed, to be set
/// with <c>WithReplay</c>, and the smallest case found.
/// </summary>
public sealed class LogPropertyTests
{
    private const int Cases = 4_000;

    [Fact]
    public void Any_prefix_of_any_log_of_any_dag_is_continued_to_the_end_that_follows_from_it() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Cases), Prop.ForAll(SagaCase.Any, ObeyLaws));

    [Fact]
    public void Any_dag_begins_with_the_events_of_the_first_decision() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(SagaCase.Any, it => new SagaProgress(it.Shape).Next().Events.Should().Equal(it.Shape.FirstEvents)));

    private static void ObeyLaws(SagaCase it)
    {
        SagaShape shape = it.Shape;
        SagaDrive whole = SagaDrive.New(shape, it.Ends, it.CancelAfter);
        ObeyLaws(shape, whole, before: []);

        SavedNodeEvent[] prefix = [.. whole.Log.Take(it.Cut)];
        ObeyLaws(shape, SagaDrive.Resume(shape, prefix, it.EndsAfter, it.Cut >= whole.CancelledAt ? whole.CancelledAt : null), prefix);
    }

    private static void ObeyLaws(SagaShape shape, SagaDrive drive, SavedNodeEvent[] before)
    {
        LogLaws.EndFollowsFromEvents(shape, drive);
        LogLaws.NothingRunsAgain(drive, before);
        LogLaws.OrderIsKept(shape, drive);
        SagaDrive again = SagaDrive.Resume(shape, drive.Log, [], drive.CancelledAt);
        (again.End, again.Acted.Count, again.Undone.Count).Should().Be((drive.End, 0, 0), "a log of a saga that has ended replays to that end");
    }
}
