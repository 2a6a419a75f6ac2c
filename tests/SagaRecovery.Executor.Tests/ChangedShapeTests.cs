using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Starts of a saga whose shape has changed under the same version.</summary>
public sealed class ChangedShapeTests
{
    private static readonly TestSaga Former = new("order", saga => saga.Node("a", Nothing));
    private static readonly TestSaga Changed = new("order", saga => saga.Node("b", Nothing, after: saga.Node("a", Nothing)));

    private readonly InMemorySagaStore _store = new();

    [Fact]
    public async Task A_start_is_refused_with_the_difference_while_an_unfinished_saga_has_the_former_shape()
    {
        PutUnfinished(Former);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed]);

        Func<Task> start = () => process.Client.StartAsync(Changed, "");

        SagaShapeChangedException refusal = (await start.Should().ThrowAsync<SagaShapeChangedException>()).Which;
        refusal.Message.Should().Be(
            "Saga 'order' version 1 was not started: node 'b' was added, and the version was not raised. Unfinished sagas have the former shape, or another "
            + "process runs it. Raise the version, or register the former shape with AddFormerSaga().");
        (refusal.Name, refusal.Version, refusal.Difference).Should().Be(("order", 1, "node 'b' was added"));
        _store.Sagas.Should().ContainSingle("nothing was written");
        (await _store.ListAsync(CancellationToken.None)).Definitions.Should().ContainSingle();
        process.ReadInbox().Should().BeEmpty("nothing was announced");
        process.Executor.Running.Should().Be(0);
    }

    [Fact]
    public async Task A_refused_start_is_asked_again_and_accepted_once_no_unfinished_saga_has_the_former_shape()
    {
        PutUnfinished(Former);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed]);
        Func<Task> start = () => process.Client.StartAsync(Changed, "");
        await start.Should().ThrowAsync<SagaShapeChangedException>();

        await AbandonAllAsync(process);

        await start.Should().NotThrowAsync();
    }

    [Fact]
    public async Task A_start_is_accepted_if_the_former_shape_is_registered()
    {
        PutUnfinished(Former);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed], formers: [Former]);

        SagaHandle handle = await process.Client.StartAsync(Changed, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_start_is_accepted_if_the_version_was_raised()
    {
        PutUnfinished(Former);
        var next = new TestSaga("order", saga => saga.Node("b", Nothing, after: saga.Node("a", Nothing)), version: 2);
        await using TestProcess process = await TestProcess.StartAsync(_store, [next]);

        await process.Client.Invoking(client => client.StartAsync(next, "")).Should().NotThrowAsync();
    }

    [Fact]
    public async Task A_definition_that_is_stored_starts_although_another_shape_is_needed()
    {
        PutUnfinished(Former);
        PutUnfinished(Changed);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed]);

        await process.Client.Invoking(client => client.StartAsync(Changed, "")).Should().NotThrowAsync("a refusal could stop both of two processes");
    }

    [Fact]
    public async Task A_saga_whose_nodes_depend_on_parameters_is_not_refused()
    {
        PutUnfinished(new TestSaga("disks", saga => saga.Node("a", Nothing)));
        var saga = new AnyNodes();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        await process.Client.Invoking(client => client.StartAsync(saga, "a")).Should().NotThrowAsync();
        await process.Client.Invoking(client => client.StartAsync(saga, "b")).Should().NotThrowAsync();
    }

    [Fact]
    public async Task A_retry_of_a_start_attaches_to_the_saga_of_the_former_shape()
    {
        await using TestProcess before = await TestProcess.StartAsync(_store, [Former]);
        var key = new SagaStartOptions { Key = "request 1" };
        SagaHandle first = await before.Client.StartAsync(Former, "", key);
        await first.Completion.Soon();
        PutUnfinished(Former);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed], me: TestProcess.Other);

        SagaHandle retried = await process.Client.StartAsync(Changed, "", key);

        retried.SagaId.Should().Be(first.SagaId);
        retried.IsNew.Should().BeFalse();
    }

    [Fact]
    public async Task Concurrent_first_starts_ask_the_store_once_and_later_ones_do_not_ask()
    {
        var definitions = new CountingDefinitions();
        var check = new Results.ShapeCheck(definitions);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed]);
        SagaDefinition definition = process.Registry.Get(Changed, default);

        Task<SagaShapeChangedException?>[] starts =
            [.. Enumerable.Range(0, 10).Select(_ => check.FindChangeAsync(process.Registry, definition, process.Member, CancellationToken.None).AsTask())];
        definitions.Answer.SetResult([]);
        await Task.WhenAll(starts).Soon();
        await check.FindChangeAsync(process.Registry, definition, process.Member, CancellationToken.None);

        definitions.Asked.Should().Be(1);
    }

    [Fact]
    public async Task A_query_that_failed_is_asked_again()
    {
        var definitions = new CountingDefinitions();
        var check = new Results.ShapeCheck(definitions);
        await using TestProcess process = await TestProcess.StartAsync(_store, [Changed]);
        SagaDefinition definition = process.Registry.Get(Changed, default);
        definitions.Answer.SetException(new TimeoutException());
        Func<Task> ask = () => check.FindChangeAsync(process.Registry, definition, process.Member, CancellationToken.None).AsTask();

        await ask.Should().ThrowAsync<TimeoutException>();
        definitions.Answer = new();
        definitions.Answer.SetResult([]);

        await ask.Should().NotThrowAsync();
        definitions.Asked.Should().Be(2);
    }

    private static Task Nothing(NodeContext<string> context) => Task.CompletedTask;

    private void PutUnfinished(TestSaga saga)
    {
        var registry = new SagaRegistry([new RegisteredSaga(saga)], Microsoft.Extensions.Options.Options.Create(new DurableExecutorOptions()));
        _store.Put(new StoredSaga
        {
            Id = SagaId.NewAt(DateTimeOffset.UnixEpoch),
            Definition = registry.Get(saga, default).Saved,
            Parameters = "\"\""u8.ToArray(),
            Owner = TestProcess.Me,
        });
    }

    private async Task AbandonAllAsync(TestProcess process)
    {
        foreach (StoredSaga saga in _store.Sagas)
        {
            await _store.AbandonAsync(saga.Id, process.Member.Of(saga.Generation), new Abandonment("operator", "not needed"), CancellationToken.None);
        }
    }

    private sealed class AnyNodes : DynamicSaga<string>
    {
        public override string Name => "disks";

        protected internal override void Define(SagaBuilder<string> saga, string parameters) => saga.Node($"disk {parameters}", Nothing);
    }

    private sealed class CountingDefinitions : ISagaDefinitions
    {
        public int Asked { get; private set; }

        public TaskCompletionSource<IReadOnlyList<SavedDefinition>> Answer { get; set; } = new();

        public Task<IReadOnlyList<SavedDefinition>> StoreAsync(
            Fencing.Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken)
        {
            Asked++;
            return Answer.Task;
        }

        public Task<UnknownDefinitions> FindUnknownAsync(
            CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
            CoordinatorId coordinator,
            IReadOnlyCollection<RunnableDefinition> definitions,
            IReadOnlyCollection<DefinitionHash> registered,
            CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<DefinitionList> ListAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
