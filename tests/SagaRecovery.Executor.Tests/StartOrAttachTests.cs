using System.Text.Json;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Starts with an id or a key, which attach to the saga that exists.</summary>
public sealed class StartOrAttachTests
{
    private readonly InMemorySagaStore _store = new();
    private readonly Gate _gate = new();

    [Fact]
    public async Task A_repeated_start_attaches_to_the_saga_on_any_process_and_in_any_state()
    {
        TestSaga saga = new("answering", builder => builder.Node("answer", context => _gate.PassAsync(context.CancellationToken)));
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await TestProcess.StartAsync(_store, [saga], me: TestProcess.Other);
        var options = new SagaStartOptions { Key = "request 1" };
        SagaHandle first = await owner.Client.StartAsync(saga, "p", options);
        await _gate.ArrivalAsync();

        SagaHandle here = await owner.Client.StartAsync(saga, "p", options);
        SagaHandle there = await other.Client.StartAsync(saga, "p", options);
        _gate.Open();
        SagaResult[] results = await Task.WhenAll(first.Completion, here.Completion, there.Completion).Soon();
        SagaHandle late = await other.Client.StartAsync(saga, "p", options);

        new[] { first, here, there, late }.Select(handle => handle.IsNew).Should().Equal(true, false, false, false);
        new[] { here, there, late }.Select(handle => handle.SagaId).Should().AllBeEquivalentTo(SagaId.FromKey("answering", "request 1"));
        results.Append(await late.Completion.Soon()).Should().AllSatisfy(result => result.Should().BeOfType<SagaResult.Succeeded>());
        _store.Sagas.Should().ContainSingle();
    }

    [Fact]
    public async Task Concurrent_starts_with_one_key_start_one_saga()
    {
        int runs = 0;
        var saga = new TestSaga("counting", builder => builder.Node("count", _ => Task.FromResult(Interlocked.Increment(ref runs))));
        await using TestProcess owner = await TestProcess.StartAsync(_store, [saga]);
        await using TestProcess other = await TestProcess.StartAsync(_store, [saga], me: TestProcess.Other);

        SagaHandle[] handles = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() =>
            (i % 2 == 0 ? owner : other).Client.StartAsync(saga, "p", new SagaStartOptions { Key = "one" })))).Soon();

        SagaResult[] results = await Task.WhenAll(handles.Select(handle => handle.Completion)).Soon();
        handles.Should().ContainSingle(handle => handle.IsNew);
        results.Should().AllSatisfy(result => result.Should().BeOfType<SagaResult.Succeeded>().Which.Output<int>("count").Should().Be(1));
        runs.Should().Be(1);
    }

    [Theory]
    [InlineData("""{"name":"a","sizes":[1,3],"note":"x"}""", "its parameters differ in $.sizes[1]")]
    [InlineData("""{"name":"b","sizes":[1,2]}""", "its parameters differ in $.name, $.note")]
    [InlineData("""{"name":"a","sizes":[1],"note":"x"}""", "its parameters differ in $.sizes")]
    [InlineData("""{"note":"x","sizes":[1,2.0],"name":"a"}""", null)]
    [InlineData("""7""", "its parameters differ in $")]
    public async Task A_repeated_start_with_other_parameters_is_refused_with_the_difference_and_without_values(string parameters, string? difference)
    {
        var saga = new JsonSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        var options = new SagaStartOptions { Key = "k" };
        SagaHandle first = await process.Client.StartAsync(saga, Json("""{"name":"a","sizes":[1,2],"note":"x"}"""), options);

        Func<Task<SagaHandle>> again = () => process.Client.StartAsync(saga, Json(parameters), options);

        if (difference is null)
        {
            (await again()).SagaId.Should().Be(first.SagaId);
            return;
        }

        SagaConflictException conflict = (await again.Should().ThrowAsync<SagaConflictException>()).Which;
        conflict.Difference.Should().Be(difference);
        conflict.SagaId.Should().Be(first.SagaId);
        conflict.Message.Should().Be($"Saga {first.SagaId} was not started: a saga with this id exists, and {difference}.");
    }

    [Fact]
    public async Task A_repeated_start_of_another_definition_is_refused_and_one_of_another_version_attaches()
    {
        TestSaga[] sagas = [Nothing("one"), Nothing("two"), Nothing("one", version: 2)];
        await using TestProcess process = await TestProcess.StartAsync(_store, sagas);
        SagaId id = SagaId.NewAt(DateTimeOffset.UnixEpoch);
        await process.Client.StartAsync(sagas[0], "", new SagaStartOptions { Id = id });

        Func<Task> other = () => process.Client.StartAsync(sagas[1], "", new SagaStartOptions { Id = id });
        SagaHandle newer = await process.Client.StartAsync(sagas[2], "", new SagaStartOptions { Id = id });

        (await other.Should().ThrowAsync<SagaConflictException>()).Which.Difference.Should().Be("it was started as 'one', not as 'two'");
        newer.IsNew.Should().BeFalse("a rolling update must not fail the retries of clients");
    }

    [Fact]
    public async Task A_repeated_start_attaches_although_the_type_of_its_parameters_has_gained_a_member()
    {
        var before = new OrderSaga<OrderV1>();
        var after = new OrderSaga<OrderV2>();
        await using TestProcess old = await TestProcess.StartAsync(_store, [before]);
        await using TestProcess updated = await TestProcess.StartAsync(_store, [after], me: TestProcess.Other);
        var options = new SagaStartOptions { Key = "k" };
        await old.Client.StartAsync(before, new OrderV1("lamp"), options);

        SagaHandle handle = await updated.Client.StartAsync(after, new OrderV2("lamp", Gift: null), options);
        Func<Task> other = () => updated.Client.StartAsync(after, new OrderV2("lamp", Gift: "yes"), options);

        handle.IsNew.Should().BeFalse();
        (await other.Should().ThrowAsync<SagaConflictException>()).Which.Difference.Should().Be("its parameters differ in $.gift");
    }

    [Fact]
    public async Task The_deadline_and_the_injections_of_a_repeated_start_do_not_matter()
    {
        var saga = new TestSaga("timed", builder => builder.Node(
            "only", new NodePolicy { Action = new StepPolicy { Timeout = TimeSpan.FromMinutes(10) } }, _ => Task.CompletedTask));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        var options = new SagaStartOptions { Key = "k" };
        SagaStartOptions[] mistaken =
        [
            options with { Deadline = DateTimeOffset.UtcNow.AddMinutes(1) }, options with { Inject = new SagaInjections().FailAction("no such node") },
        ];
        Func<SagaStartOptions, Func<Task<SagaHandle>>> start = with => () => process.Client.StartAsync(saga, "", with);
        foreach (SagaStartOptions mistake in mistaken)
        {
            await start(mistake).Should().ThrowAsync<ArgumentException>();
        }

        await start(options)();

        foreach (SagaStartOptions mistake in mistaken)
        {
            (await start(mistake)()).IsNew.Should().BeFalse();
        }
    }

    [Fact]
    public async Task An_id_and_a_key_at_once_are_refused()
    {
        TestSaga saga = Nothing("one");
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        Func<Task> start = () => process.Client.StartAsync(saga, "", new SagaStartOptions { Id = SagaId.NewAt(DateTimeOffset.UnixEpoch), Key = "k" });

        await start.Should().ThrowAsync<ArgumentException>().WithMessage("Both Id and Key are set*");
    }

    private static TestSaga Nothing(string name, int version = 1) => new(name, builder => builder.Node("only", _ => Task.CompletedTask), version);

    private static JsonElement Json(string text) => JsonSerializer.Deserialize<JsonElement>(text);

    private sealed class JsonSaga : Saga<JsonElement>
    {
        public override string Name => "json";

        protected internal override void Define(SagaBuilder<JsonElement> saga) => saga.Node("only", _ => Task.CompletedTask);
    }

    private sealed record OrderV1(string Item);

    private sealed record OrderV2(string Item, string? Gift);

    private sealed class OrderSaga<TOrder> : Saga<TOrder>
    {
        public override string Name => "order";

        protected internal override void Define(SagaBuilder<TOrder> saga) => saga.Node("only", _ => Task.CompletedTask);
    }
}
