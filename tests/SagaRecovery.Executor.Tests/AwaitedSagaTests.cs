using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Steps that start other sagas and wait for them.</summary>
public sealed class AwaitedSagaTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly Gate _gate = new();
    private SagaClient _client = null!;

    [Fact]
    public async Task As_many_parents_as_there_are_slots_do_not_wait_forever()
    {
        var child = new TestSaga("child", saga => saga.Node("only", _ => Task.CompletedTask));
        TestSaga parent = Parent(child);
        await using TestProcess process = await StartAsync(options => options.MaxRunningSagas = 2, parent, child);

        SagaHandle[] parents = [await _client.StartAsync(parent, ""), await _client.StartAsync(parent, ""), await _client.StartAsync(parent, "")];

        (await Task.WhenAll(parents.Select(handle => handle.Completion)).Soon()).Should().AllBeOfType<SagaResult.Succeeded>();
        _store.Sagas.Should().HaveCount(6).And.OnlyContain(stored => stored.State == SagaState.Succeeded);
    }

    [Fact]
    public async Task A_saga_may_wait_for_others_of_its_own_definition_at_its_limit()
    {
        TestSaga nested = null!;
        nested = new TestSaga("nested", saga => saga.Node("next", async context =>
        {
            if (context.Parameters.Length < 5)
            {
                await (await _client.StartAsync(nested, context.Parameters + "x")).Completion;
            }
        }));
        await using TestProcess process = await StartAsync(options => options.MaxRunningSagasByDefinition["nested"] = 1, nested);

        (await (await _client.StartAsync(nested, "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();

        _store.Sagas.Should().HaveCount(6);
    }

    [Fact]
    public async Task A_parent_that_only_waits_for_its_child_is_not_logged_as_done_when_both_are_stopped()
    {
        TestSaga child = TestSaga.Gated(_gate);
        TestSaga parent = Parent(child);
        SagaHandle handle;
        await using (TestProcess process = await StartAsync(_ => { }, parent, child))
        {
            handle = await _client.StartAsync(parent, "");
            await _gate.ArrivalAsync();
            await process.StopAsync().Soon();
        }

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        _store.Get(handle.SagaId).Events.Select(one => one.Type).Should().Equal(NodeEventType.Started);
    }

    [Fact]
    public async Task A_step_that_does_not_wait_gives_its_slot_back_when_it_ends()
    {
        TestSaga child = TestSaga.Gated(_gate);
        var parent = new TestSaga("parent", saga => saga.Node("start", async context =>
        {
            _ = (await _client.StartAsync(child, "", cancellationToken: context.CancellationToken)).Completion;
        }));
        await using TestProcess process = await StartAsync(options => options.MaxRunningSagas = 1, parent, child);
        (await (await _client.StartAsync(parent, "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        await _gate.ArrivalAsync();

        SagaHandle waiting = await _client.StartAsync(child, "");

        (process.Executor.Running, process.Executor.Waiting).Should().Be((1, 1));
        _gate.Open();
        (await waiting.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    private TestSaga Parent(TestSaga child) => new("parent", saga => saga.Node("wait", async context =>
    {
        SagaHandle handle = await _client.StartAsync(child, "", new SagaStartOptions { Id = new SagaId(context.IdempotencyKey) });
        await handle.Completion;
    }));

    private async Task<TestProcess> StartAsync(Action<DurableExecutorOptions> configure, params Saga[] sagas)
    {
        TestProcess process = await TestProcess.StartAsync(_store, sagas, configure: configure);
        _client = process.Client;
        return process;
    }
}
