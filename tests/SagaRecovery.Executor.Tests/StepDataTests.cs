using SagaRecovery.Bookkeeping;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>The data that steps leave behind: details of errors, and outputs that cannot be stored.</summary>
public sealed class StepDataTests
{
    private readonly InMemorySagaStore _store = new();

    [Fact]
    public async Task The_detail_of_an_error_can_be_read_back()
    {
        (SagaResult result, StoredSaga stored) = await RunAsync(saga => saga.Node(
            "call", Task (_) => throw new SagaActionException("out-of-stock", "none left", new Shortage("lamp", 3))));

        SagaError error = result.Should().BeOfType<SagaResult.Unwound>().Which.Error;
        error.GetDetail<Shortage>().Should().Be(new Shortage("lamp", 3));
        System.Text.Encoding.UTF8.GetString(stored.Events[^1].Data.Span).Should().Contain("\"detail\":{\"item\":\"lamp\",\"missing\":3}");
    }

    public static TheoryData<object, string> UnstorableDetails => new()
    {
        { double.NaN, "cannot be serialized to JSON" },
        { ("lamp", 3), "field Item1 of " },
    };

    [Theory]
    [MemberData(nameof(UnstorableDetails))]
    public async Task A_detail_that_cannot_be_stored_is_left_out_and_the_saga_unwinds(object detail, string mistake)
    {
        (SagaResult result, _) = await RunAsync(saga => saga.Node("call", Task (_) => throw new SagaActionException("out-of-stock", "none left", detail)));

        SagaError error = result.Should().BeOfType<SagaResult.Unwound>().Which.Error;
        error.Should().Be(new SagaError("out-of-stock", "none left"));
        error.Detail.Should().BeNull();
        error.Exception.Should().StartWith("The detail of this error was not stored: ").And.Contain(mistake);
    }

    [Fact]
    public async Task An_output_that_only_its_run_time_type_betrays_is_a_data_error_of_the_saga()
    {
        var saga = new TestSaga("test", builder => builder.Node<object>("call", _ => Task.FromResult<object>(("lamp", 3))));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        string reason = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason;
        reason.Should().Contain("The output of node 'call' would not be stored as it was returned: field Item1 of ");
        process.ReadInbox().Single(message => message.Kind == StartMessageKind.Interrupted).Reason.Should().Be(reason, "operators see why it backs off");
    }

    [Fact]
    public async Task An_output_whose_getter_throws_is_a_data_error_of_the_saga_and_not_a_failed_action()
    {
        var saga = new TestSaga("test", builder => builder.Node("call", _ => Task.FromResult(new BrokenOutput())));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Contain("The output of node 'call' cannot be serialized");
        _store.Get(handle.SagaId).Should().Match<StoredSaga>(stored => stored.State == SagaState.Running && stored.Events.Count == 1);
    }

    private async Task<(SagaResult Result, StoredSaga Stored)> RunAsync(Action<SagaBuilder<string>> define)
    {
        var saga = new TestSaga("test", define);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        SagaResult result = await handle.Completion.Soon();
        return (result, _store.Get(handle.SagaId));
    }

    private sealed record Shortage(string Item, int Missing);

    private sealed class BrokenOutput
    {
        public string Value => throw new InvalidOperationException("not ready");
    }
}
