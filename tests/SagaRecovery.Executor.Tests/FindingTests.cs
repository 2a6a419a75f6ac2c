using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>What a run stores for those who search its saga: tags, and the cause of an unwinding.</summary>
public sealed class FindingTests
{
    private readonly InMemorySagaStore _store = new() { LosableCommits = 2 };

    [Fact]
    public async Task A_start_stores_its_tags_by_name_and_a_start_that_attaches_changes_none()
    {
        var saga = new TestSaga("tagged", builder => builder.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        var options = new SagaStartOptions { Key = "one", Tags = new Dictionary<string, string> { ["vpc"] = "17", ["region"] = "eu" } };
        SagaHandle handle = await process.Client.StartAsync(saga, "", options);
        await handle.Completion.Soon();

        SagaHandle again = await process.Client.StartAsync(saga, "", options with { Tags = new Dictionary<string, string> { ["vpc"] = "18" } });

        again.IsNew.Should().BeFalse();
        _store.Get(handle.SagaId).Tags.Should().Equal(new SagaTag("region", "eu"), new SagaTag("vpc", "17"));
    }

    [Fact]
    public async Task A_start_with_tags_that_cannot_be_stored_starts_nothing()
    {
        var saga = new TestSaga("tagged", builder => builder.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        Func<Task> start = () => process.Client.StartAsync(saga, "", new SagaStartOptions { Tags = new Dictionary<string, string> { ["a=b"] = "" } });

        (await start.Should().ThrowAsync<ArgumentException>()).WithMessage("The name of tag 'a=b' contains '='.*");
        _store.Sagas.Should().BeEmpty();
    }

    [Fact]
    public async Task A_failed_action_is_the_cause_of_the_unwinding_and_of_its_end()
    {
        List<SagaFailure?> written = [];
        _store.AfterWrite = entry =>
        {
            if (entry.NewState is not null)
            {
                written.Add(entry.Failure);
            }

            return Task.CompletedTask;
        };
        var saga = new TestSaga("failing", builder =>
        {
            SagaNode first = builder.Node("first", _ => Task.CompletedTask, undo: _ => Task.CompletedTask);
            builder.Node("charge", _ => throw new SagaActionException("declined", "no money"), after: [first]);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await handle.Completion.Soon();

        var cause = new SagaFailure("charge", "declined");
        _store.Get(handle.SagaId).Should().Match<StoredSaga>(stored => stored.State == SagaState.Unwound && stored.Failure == cause);
        written.Should().Equal(cause, cause); // unwinding, unwound
    }

    [Fact]
    public async Task A_stuck_saga_has_the_node_of_its_undo()
    {
        var saga = new TestSaga("sticking", builder =>
        {
            SagaNode first = builder.Node("first", _ => Task.CompletedTask, undo: _ => throw new SagaActionException("closed", "the account is closed"));
            builder.Node("charge", _ => throw new SagaActionException("declined", "no money"), after: [first]);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await handle.Completion.Soon();

        _store.Get(handle.SagaId).Should().Match<StoredSaga>(stored => stored.State == SagaState.Stuck && stored.Failure == new SagaFailure("first", "closed"));
    }

    [Fact]
    public async Task A_cause_that_the_database_has_lost_is_written_again()
    {
        var gate = new Gate();
        var saga = new TestSaga("failing", builder =>
        {
            SagaNode first = builder.Node("first", _ => Task.CompletedTask, undo: context => gate.PassAsync(context.CancellationToken));
            builder.Node("charge", _ => throw new SagaActionException("declined", "no money"), after: [first]);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await gate.ArrivalAsync();

        _store.LoseLastCommits(1); // the one that began to unwind
        _store.Get(handle.SagaId).Failure.Should().BeNull();
        gate.Open();
        await handle.Completion.Soon();

        _store.Get(handle.SagaId).Should().Match<StoredSaga>(stored => stored.State == SagaState.Unwound && stored.Failure == new SagaFailure("charge", "declined"));
    }

    [Fact]
    public async Task A_saga_that_succeeds_has_no_cause()
    {
        var saga = new TestSaga("fine", builder => builder.Node("only", _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");
        await handle.Completion.Soon();

        _store.Get(handle.SagaId).Failure.Should().BeNull();
    }
}
