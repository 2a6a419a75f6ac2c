using System.Text.Json;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Progress;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>An unknown definition may be registered later; a proven corruption is reported; everything else is an exception.</summary>
public sealed class ResumeRefusalTests
{
    private static readonly SagaId Id = SagaId.NewAt(DateTimeOffset.UnixEpoch);

    private readonly InMemorySagaStore _store = new();
    private readonly TestSaga _saga = new("order", builder => builder.Node("only", _ => Task.CompletedTask));

    [Fact]
    public async Task A_version_that_this_binary_lacks_is_an_unknown_definition()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);
        var next = new TestSaga("order", builder => builder.Node("only", _ => Task.CompletedTask), version: 2);
        await using TestProcess other = await TestProcess.StartAsync(new InMemorySagaStore(), [next]);
        SavedDefinition newer = other.SavedDefinitionOf(next);

        ResumeOutcome outcome = await ResumeAsync(process, saga => saga with { Definition = newer });

        outcome.Should().BeOfType<ResumeOutcome.UnknownDefinition>().Which.Missing.Should().Be(
            $"definition 'order' version 2 ({newer.Hash.ToString()[..12]}…) is not registered; "
            + $"registered: order version 1 ({process.SavedDefinitionOf(_saga).Hash.ToString()[..12]}…)");
    }

    [Fact]
    public async Task A_definition_of_an_unregistered_name_is_unknown()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);
        byte[] dag = "{}"u8.ToArray();

        ResumeOutcome outcome = await ResumeAsync(
            process, saga => saga with { Definition = new SavedDefinition(DefinitionHash.Of(dag), "invoice", 3, dag) });

        outcome.Should().BeOfType<ResumeOutcome.UnknownDefinition>().Which.Missing.Should().EndWith("registered: none of this name");
    }

    [Fact]
    public async Task A_stored_definition_that_does_not_have_its_hash_is_unrecoverable()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);

        ResumeOutcome outcome = await ResumeAsync(
            process, saga => saga with { Definition = saga.Definition with { Dag = "{}"u8.ToArray() } });

        outcome.Should().BeOfType<ResumeOutcome.Unrecoverable>().Which.Reason.Should().StartWith("the stored DAG of definition");
    }

    [Fact]
    public async Task An_illegal_log_is_unrecoverable_for_the_precise_reason()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);

        ResumeOutcome outcome = await ResumeAsync(process, saga => saga with { Events = TestShapes.Log("0 Started, 0 Succeeded, 0 Failed") });

        outcome.Should().Be(new ResumeOutcome.Unrecoverable("illegal log: node 0 'only' has both 'Succeeded' and 'Failed'"));
        process.Executor.Running.Should().Be(0);
    }

    [Theory]
    [InlineData("{ nonsense")]
    [InlineData("")]
    public async Task Parameters_that_are_not_JSON_are_unrecoverable(string parameters)
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);

        ResumeOutcome outcome = await ResumeAsync(
            process, saga => saga with { Parameters = System.Text.Encoding.UTF8.GetBytes(parameters) });

        outcome.Should().BeOfType<ResumeOutcome.Unrecoverable>().Which.Reason.Should().StartWith("the stored parameters are not valid JSON: ");
    }

    [Fact]
    public async Task Parameters_that_do_not_fit_the_type_are_an_exception_since_another_binary_may_read_them()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);

        Func<Task> resume = () => ResumeAsync(process, saga => saga with { Parameters = """{"a":1}"""u8.ToArray() });

        await resume.Should().ThrowAsync<JsonException>();
        process.Executor.Running.Should().Be(0);
    }

    [Theory]
    [InlineData("0 Started, 0 Succeeded", SagaState.Succeeded)]
    [InlineData("0 Started, 0 Failed", SagaState.Unwound)]
    public async Task A_log_that_lacks_only_its_final_state_is_ended_without_running_anything(string log, SagaState end)
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);
        StoredSaga stored = Stored(process) with { Events = TestShapes.Log(log) };
        _store.Put(stored);

        await process.ResumeToEndAsync(Id);

        _store.Get(Id).State.Should().Be(end);
        _store.Get(Id).Events.Should().Equal(stored.Events);
    }

    [Fact]
    public async Task An_error_that_cannot_be_read_keeps_no_saga_from_ending()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [_saga]);
        SavedNodeEvent[] log = [new(0, NodeEventType.Started, default), new(0, NodeEventType.Failed, "oh no"u8.ToArray())];
        await ResumeAsync(process, saga => saga with { Events = log }, put: true);

        await process.StopAsync();

        _store.Get(Id).State.Should().Be(SagaState.Unwound);
        process.Lines.Text(104).Should().Contain("after node only failed");
    }

    private async Task<ResumeOutcome> ResumeAsync(TestProcess process, Func<SavedSaga, SavedSaga> change, bool put = false)
    {
        SavedSaga saga = change(Stored(process).ToSavedSaga());
        if (put)
        {
            _store.Put(Stored(process) with { Events = saga.Events });
        }

        return await process.Executor.ResumeAsync(saga, process.Member.Of(AdoptGeneration.Initial), CancellationToken.None);
    }

    private StoredSaga Stored(TestProcess process) => new()
    {
        Id = Id,
        Definition = process.SavedDefinitionOf(_saga),
        Parameters = "\"\""u8.ToArray(),
        Owner = TestProcess.Me,
    };
}
