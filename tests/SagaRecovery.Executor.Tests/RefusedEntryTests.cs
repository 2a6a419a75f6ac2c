using System.Data.Common;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

public sealed class RefusedEntryTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly TestSaga _saga = new("one", builder => builder.Node("only", _ => Task.CompletedTask));

    [Fact]
    public async Task An_entry_that_the_database_refuses_delays_no_other_and_its_saga_is_interrupted()
    {
        var bad = SagaId.NewAt(DateTimeOffset.UnixEpoch);
        var gate = new Gate();
        var log = new ScriptedLog(_store)
        {
            BeforeAppend = async entries =>
            {
                await gate.PassAsync();
                if (entries.Any(entry => entry.SagaId == bad))
                {
                    throw new Refusal("54000");
                }
            },
        };
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga], log, configure: options => options.MaxConcurrentWrites = 1);
        SagaHandle first = await process.Client.StartAsync(_saga, "");
        await gate.ArrivalAsync();
        SagaHandle poisoned = await process.Client.StartAsync(_saga, "", new SagaStartOptions { Id = bad });
        List<SagaHandle> good = [first];
        for (int i = 0; i < 20; i++)
        {
            good.Add(await process.Client.StartAsync(_saga, ""));
        }

        await Eventually.HoldsAsync(() => process.Executor.QueuedWrites == 21, "all others waited for the first");
        gate.Open();

        foreach (SagaHandle saga in good)
        {
            (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        }

        (await poisoned.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("54000");
        process.ReadInbox().Where(message => message.Kind == StartMessageKind.Interrupted).Select(message => message.Lease.SagaId).Should().Equal(bad);
        _store.Get(bad).State.Should().Be(SagaState.Running, "it is recovered later, after a delay");
        log.Groups.Should().Contain(group => group.Count > 2 && group.Any(entry => entry.SagaId == bad), "it was in a group with others");
    }

    [Fact]
    public async Task The_executor_waits_for_a_database_that_temporarily_refuses_every_write()
    {
        int refusals = 2;
        var log = new ScriptedLog(_store)
        {
            BeforeAppend = _ => refusals-- > 0 ? Task.FromException(new Refusal("25006")) : Task.CompletedTask, // read only, after a failover
        };
        await using TestProcess process = await TestProcess.StartAsync(
            _store, [_saga], log, configure: options => options.FirstWriteRetryDelay = TimeSpan.FromMilliseconds(1));

        SagaHandle saga = await process.Client.StartAsync(_saga, "");

        (await saga.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    private sealed class Refusal(string state) : DbException($"refused with {state}")
    {
        public override string SqlState => state;
    }
}
