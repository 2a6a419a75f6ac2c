using System.Text;
using Microsoft.Extensions.Logging;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>What a process logs about its definitions when it has joined.</summary>
public sealed class DefinitionReviewTests
{
    private static readonly SavedDefinition One = Define("order", 1);
    private static readonly SavedDefinition Two = Define("order", 2);
    private static readonly SavedDefinition Other = Define("backup", 1);

    private readonly ScriptedDefinitions _definitions = new();

    [Fact]
    public async Task Each_unknown_definition_of_unfinished_sagas_has_one_line_with_what_is_registered_instead()
    {
        _definitions.Unknown = new([new(One, 3), new(Two, 2), new(Other, 1)], Count: 3, Unfinished: 6);
        await using RecoveryHost host = RecoveryHost.CreateWith(_definitions);
        host.Executor.Definitions = [new(DefinitionHash.Of("changed"u8), "order", 1), new(DefinitionHash.Of("later"u8), "order", 3)];

        await host.StartAsync();
        await _definitions.ReviewedAsync();

        await Eventually.HoldsAsync(() => host.LogLines.Count(63) == 3, "each has a line");
        host.LogLines.Lines.Where(line => line.EventId == 63).Should().AllSatisfy(line => line.Level.Should().Be(LogLevel.Warning))
            .And.Subject.Select(line => line.Message).Should().Equal(
                $"unfinished sagas of this coordinator have an unknown definition, 'order' version 1 ({Short(One)}…), and stay as they are, 3 in total: "
                + "this version is registered with other nodes (the nodes of order were changed); register the former shape as well",
                $"unfinished sagas of this coordinator have an unknown definition, 'order' version 2 ({Short(Two)}…), and stay as they are, 2 in total: registered: version 1, 3",
                $"unfinished sagas of this coordinator have an unknown definition, 'backup' version 1 ({Short(Other)}…), and stay as they are, 1 in total: "
                + "no definition of this name is registered");
        host.LogLines.Count(64).Should().Be(0);
    }

    [Fact]
    public async Task Definitions_beyond_the_most_frequent_share_a_line()
    {
        _definitions.Unknown = new([new(One, 3)], Count: 12_000, Unfinished: 15_000);
        await using RecoveryHost host = RecoveryHost.CreateWith(_definitions);
        host.Executor.Definitions = [];

        await host.StartAsync();

        await Eventually.HoldsAsync(() => host.LogLines.Count(64) == 1, "the rest has a line");
        host.LogLines.Lines.Single(line => line.EventId == 64).Message.Should().Be(
            "unfinished sagas of this coordinator have 11999 more unknown definitions; sagas with unknown definitions: 15000 in total");
    }

    [Fact]
    public async Task A_changed_shape_is_an_error_in_the_log_and_former_shapes_and_those_of_any_DAG_are_not_checked()
    {
        _definitions.Conflicts = [One];
        await using RecoveryHost host = RecoveryHost.CreateWith(_definitions);
        RunnableDefinition changed = new(DefinitionHash.Of("changed"u8), "order", 1);
        RunnableDefinition former = new(DefinitionHash.Of("former"u8), "order", 1) { IsFormer = true };
        RunnableDefinition anyDag = new(DefinitionHash.Of("any"u8), "disks", 1) { AnyDag = true };
        RunnableDefinition beside = new(DefinitionHash.Of("beside"u8), "disks", 1);
        host.Executor.Definitions = [changed, former, anyDag, beside];

        await host.StartAsync();

        await Eventually.HoldsAsync(() => host.LogLines.Count(65) == 1, "the refusal is logged");
        (_, LogLevel level, string message) = host.LogLines.Lines.Single(line => line.EventId == 65);
        level.Should().Be(LogLevel.Error);
        message.Should().Be(
            "Saga 'order' version 1 cannot be started: the nodes of order were changed, and the version was not raised. Unfinished sagas have the former "
            + "shape, or another process runs it. Raise the version, or register the former shape with AddFormerSaga().");
        _definitions.Checked.Should().Equal(changed);
        _definitions.Registered.Should().Equal(changed.Hash, former.Hash, anyDag.Hash, beside.Hash);
    }

    [Fact]
    public async Task A_review_that_fails_is_repeated_and_one_that_succeeded_is_not_even_after_another_join()
    {
        _definitions.Failures = 1;
        _definitions.Unknown = new([new(One, 3)], Count: 1, Unfinished: 3);
        await using RecoveryHost host = RecoveryHost.CreateWith(_definitions);
        host.Executor.Definitions = [];
        await host.StartAsync();
        await Eventually.HoldsAsync(() => host.LogLines.Count(33) == 1, "the failure is logged");
        host.LogLines.Count(63).Should().Be(0);

        await host.PassesAsync(1);
        await host.TimerSetAsync(new SagaRecoveryOptions().RetryDelay);
        host.Time.Advance(new SagaRecoveryOptions().RetryDelay);
        await Eventually.HoldsAsync(() => host.LogLines.Count(63) == 1, "the review was repeated");
        Membership member = await host.Coordinator.JoinedAsync(CancellationToken.None);
        await host.Coordinator.RejoinAsync(member, CancellationToken.None);
        await host.ActivateAsync();

        host.LogLines.Count(63).Should().Be(1);
        _definitions.Reviews.Should().Be(2);
        host.Time.Pending.Should().NotContain(new SagaRecoveryOptions().RetryDelay, "no further review is due");
    }

    [Fact]
    public async Task An_executor_that_reports_no_definitions_may_run_any()
    {
        _definitions.Unknown = new([new(One, 3)], Count: 1, Unfinished: 3);
        await using RecoveryHost host = RecoveryHost.CreateWith(_definitions);
        await host.StartAsync();
        await host.PassesAsync(1);
        await host.ActivateAsync();

        _definitions.Reviews.Should().Be(0);
    }

    private static SavedDefinition Define(string name, int version)
    {
        byte[] dag = Encoding.UTF8.GetBytes($"{name} {version}");
        return new SavedDefinition(DefinitionHash.Of(dag), name, version, dag);
    }

    private static string Short(SavedDefinition definition) => definition.Hash.ToString()[..12];

    private sealed class ScriptedDefinitions : ISagaDefinitions
    {
        private readonly TaskCompletionSource _reviewed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public UnknownDefinitions Unknown { get; set; } = new([], 0, 0);

        public IReadOnlyList<SavedDefinition> Conflicts { get; set; } = [];

        public IReadOnlyCollection<RunnableDefinition> Checked { get; private set; } = [];

        public IReadOnlyCollection<DefinitionHash> Registered { get; private set; } = [];

        public int Failures { get; set; }

        public int Reviews { get; private set; }

        public Task ReviewedAsync() => _reviewed.Task.WaitAsync(TimeSpan.FromSeconds(30));

        public Task<UnknownDefinitions> FindUnknownAsync(
            CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken)
        {
            _reviewed.TrySetResult();
            return Task.FromResult(Unknown);
        }

        public Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
            CoordinatorId coordinator,
            IReadOnlyCollection<RunnableDefinition> definitions,
            IReadOnlyCollection<DefinitionHash> registered,
            CancellationToken cancellationToken)
        {
            (Checked, Registered) = (definitions, registered);
            Reviews++;
            return Failures-- > 0 ? throw new IOException("away") : Task.FromResult(Conflicts);
        }

        public Task<IReadOnlyList<SavedDefinition>> StoreAsync(
            Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<DefinitionList> ListAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
