using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Polly;
using Polly.Retry;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Retries, time limits and uncertain failures of single steps.</summary>
public sealed class StepPolicyTests
{
    private static readonly StepPolicy s_quick = new() { Delay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(5) };
    private readonly InMemorySagaStore _store = new();
    private readonly ConcurrentQueue<string> _calls = new();

    public static TheoryData<Exception> Transient =>
    [
        new TimeoutException(),
        new SocketException((int)SocketError.ConnectionRefused),
        new IOException("reset", new SocketException((int)SocketError.ConnectionReset)),
        new HttpRequestException("no answer"),
        new HttpRequestException("down", inner: null, HttpStatusCode.ServiceUnavailable),
        new HttpRequestException("slow down", inner: null, HttpStatusCode.TooManyRequests),
        new TaskCanceledException("timed out", new TimeoutException()),
        new OperationCanceledException("a time limit of the action's own"),
        new HttpIOException(HttpRequestError.ResponseEnded, "the response broke off"),
        new Npgsql.NpgsqlException("broken", new IOException("broken")),
        new Npgsql.NpgsqlException("an error of the driver, with no answer of the server"),
        new Npgsql.PostgresException("nobody knows whether it was committed", "ERROR", "ERROR", "40003"),
        new Npgsql.PostgresException("terminating connection due to administrator command", "FATAL", "FATAL", "57P01"),
        new InvalidOperationException("wrapped", new Npgsql.PostgresException("connection failure", "FATAL", "FATAL", "08006")),
    ];

    public static TheoryData<Exception> NotTransient =>
    [
        new InvalidOperationException("a bug"),
        new SagaActionException("out-of-stock", "none left"),
        new SagaActionException("declined", "by a slow bank", innerException: new TimeoutException()),
        new HttpRequestException("not found", inner: null, HttpStatusCode.NotFound),
        new Npgsql.PostgresException("duplicate key", "ERROR", "ERROR", "23505"),
        new IOException("the disk is full"),
    ];

    [Theory]
    [MemberData(nameof(Transient))]
    public async Task An_action_is_retried_after_a_failure_that_leaves_its_effect_open(Exception failure)
    {
        (SagaResult result, StoredSaga stored) = await RunAsync(saga => saga.Node("call", Quick(), FailFirst(2, failure)));

        result.Should().BeOfType<SagaResult.Succeeded>();
        _calls.Should().Equal("call 1", "call 2", "call 3");
        stored.Events.Select(one => one.Type).Should().Equal(NodeEventType.Started, NodeEventType.Succeeded);
    }

    [Theory]
    [MemberData(nameof(NotTransient))]
    public async Task An_action_is_not_retried_after_any_other_failure(Exception failure)
    {
        (SagaResult result, _) = await RunAsync(saga => saga.Node("call", Quick(), FailFirst(1, failure)));

        result.Should().BeOfType<SagaResult.Unwound>();
        _calls.Should().Equal("call 1");
    }

    [Fact]
    public async Task An_undo_is_retried_after_any_failure_but_a_definite_one()
    {
        (SagaResult result, _) = await RunAsync(saga =>
        {
            SagaNode paid = saga.Node("pay", Quick(), Succeed, undo: FailFirst(2, new InvalidOperationException("a blip")));
            saga.Node("ship", Fail("lost"), undo: null, paid);
        });

        result.Should().BeOfType<SagaResult.Unwound>();
        _calls.Should().Equal("pay 1", "pay 1", "pay 2", "pay 3");
    }

    [Fact]
    public async Task An_undo_that_fails_definitely_leaves_the_saga_stuck_at_once()
    {
        (SagaResult result, _) = await RunAsync(saga =>
        {
            SagaNode paid = saga.Node("pay", Quick(), Succeed, undo: FailFirst(1, new SagaActionException("closed", "the account is closed")));
            saga.Node("ship", Fail("lost"), undo: null, paid);
        });

        result.Should().BeOfType<SagaResult.Stuck>().Which.Error.Code.Should().Be("closed");
    }

    [Fact]
    public async Task The_last_failure_counts_when_the_retries_are_used_up_and_keeps_its_story()
    {
        var policy = new NodePolicy { Action = s_quick with { MaxRetryAttempts = 2 } };
        var cause = new SocketException((int)SocketError.HostUnreachable);
        (SagaResult result, _) = await RunAsync(saga => saga.Node("call", policy, FailFirst(9, new HttpRequestException("no route", cause))));

        SagaError error = result.Should().BeOfType<SagaResult.Unwound>().Which.Error;
        error.Should().Be(new SagaError("HttpRequestException", "no route"));
        error.Attempts.Should().Be(3);
        error.Exception.Should().Contain(nameof(SocketException)).And.Contain(nameof(FailFirst), "the stack trace names the code");
    }

    [Fact]
    public async Task A_wait_between_attempts_ends_at_shutdown_and_the_next_process_begins_a_new_count()
    {
        var patient = new NodePolicy { Action = new StepPolicy { Delay = TimeSpan.FromHours(1), MaxDelay = TimeSpan.FromHours(1) } };
        Func<NodeContext<string>, Task> failFirst = FailFirst(1, new TimeoutException()); // once in both processes
        var saga = new TestSaga("waiting", builder => builder.Node("call", patient, failFirst));
        SagaHandle handle;
        await using (TestProcess first = await TestProcess.StartAsync(_store, [saga]))
        {
            handle = await first.Client.StartAsync(saga, "");
            await Eventually.HoldsAsync(() => first.Lines.Count(115) == 1, "the step waits for its next attempt");
            await first.StopAsync().Soon();
            (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        }

        await using TestProcess second = await TestProcess.StartAsync(_store, [saga]);
        await second.ResumeAsync(handle.SagaId);
        await Eventually.HoldsAsync(() => _store.Get(handle.SagaId).State == SagaState.Succeeded, "the saga has succeeded");
        _calls.Should().Equal("call 1", "call 1");
    }

    [Fact]
    public async Task An_attempt_is_cancelled_at_its_time_limit_and_retried()
    {
        var policy = new NodePolicy { Action = s_quick with { Timeout = TimeSpan.FromMilliseconds(20) } };
        (SagaResult result, _) = await RunAsync(saga => saga.Node("call", policy, async context =>
        {
            Note(context);
            await (context.Attempt == 1 ? Task.Delay(Timeout.Infinite, context.CancellationToken) : Task.CompletedTask);
        }));

        result.Should().BeOfType<SagaResult.Succeeded>();
        _calls.Should().Equal("call 1", "call 2");
    }

    [Fact]
    public async Task A_pipeline_of_the_author_runs_the_attempts()
    {
        ResiliencePipeline pipeline = new ResiliencePipelineBuilder()
            .AddRetry(new RetryStrategyOptions { MaxRetryAttempts = 1, Delay = TimeSpan.Zero })
            .Build();
        var policy = new NodePolicy { Action = new StepPolicy { Pipeline = pipeline } };

        (SagaResult result, _) = await RunAsync(saga => saga.Node("call", policy, FailFirst(1, new InvalidOperationException("a bug"))));

        result.Should().BeOfType<SagaResult.Succeeded>();
        _calls.Should().Equal("call 1", "call 2");
    }

    [Fact]
    public async Task The_undo_of_a_node_with_an_uncertain_effect_runs_after_its_failure_without_an_output()
    {
        (SagaResult result, StoredSaga stored) = await RunAsync(UncertainSaga(new InvalidOperationException("it broke half-way")));

        result.Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be("second");
        _calls.Should().Equal("first 1", "second 1", "undo second without output", "undo first of made");
        stored.Events.Where(one => one.NodeId == 1).Select(one => one.Type).Should()
            .Equal(NodeEventType.Started, NodeEventType.Failed, NodeEventType.UndoStarted, NodeEventType.UndoFinished);
    }

    [Fact]
    public async Task A_definite_failure_is_not_undone_even_if_others_of_the_node_are()
    {
        (SagaResult result, _) = await RunAsync(UncertainSaga(new SagaActionException("refused", "nothing was done")));

        result.Should().BeOfType<SagaResult.Unwound>();
        _calls.Should().Equal("first 1", "second 1", "undo first of made");
    }

    [Fact]
    public async Task A_saga_with_an_uncertain_failure_is_unwound_from_every_point_of_its_log()
    {
        (_, StoredSaga whole) = await RunAsync(UncertainSaga(new InvalidOperationException("it broke half-way")));
        for (int count = 1; count < whole.Events.Count; count++)
        {
            var cut = new InMemorySagaStore();
            var saga = new TestSaga("test", UncertainSaga(new InvalidOperationException("it broke half-way")));
            await using TestProcess process = await TestProcess.StartAsync(cut, [saga]);
            cut.Put(whole with
            {
                Owner = TestProcess.Me,
                Events = [.. whole.Events.Take(count)],
                State = whole.Events.Take(count).Any(one => one.Type >= NodeEventType.Failed) ? SagaState.Unwinding : SagaState.Running,
            });

            (await process.ResumeToEndAsync(whole.Id)).Should().BeOfType<SagaResult.Unwound>("after {0} events", count).Which.FailedNode.Should().Be("second");
            cut.Get(whole.Id).Events.Should().HaveCount(whole.Events.Count);
        }
    }

    [Theory]
    [InlineData(-1, 200, 1_000, null, false, "Action.MaxRetryAttempts must be at least 0 (was -1)")]
    [InlineData(1, -1, 1_000, null, false, "Action.Delay must not be negative (was -00:00:00.0010000)")]
    [InlineData(1, 200, 100, null, false, "Action.MaxDelay must be at least Delay and at most one day (was 00:00:00.1000000)")]
    [InlineData(1, 200, 1_000, 0, false, "Action.Timeout must be 10 milliseconds to one day (was 00:00:00)")]
    [InlineData(1, 200, 1_000, null, true, "UndoAfterFailure needs an undo, and the node has none")]
    public void A_wrong_policy_is_refused_with_the_name_of_its_node(
        int retries, int delay, int maxDelay, int? timeout, bool undoAfterFailure, string mistake)
    {
        var policy = new NodePolicy
        {
            UndoAfterFailure = undoAfterFailure,
            Action = new StepPolicy
            {
                MaxRetryAttempts = retries,
                Delay = TimeSpan.FromMilliseconds(delay),
                MaxDelay = TimeSpan.FromMilliseconds(maxDelay),
                Timeout = timeout is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
            },
        };

        Action build = () => new TestSaga("test", saga => saga.Node("call", policy, Succeed)).BuildDefinition(System.Text.Json.JsonSerializerOptions.Web);

        build.Should().Throw<InvalidOperationException>()
            .WithMessage($"Saga 'test' version 1 is not valid: the policy of node 'call' is wrong: {mistake}.");
    }

    [Fact]
    public void A_policy_without_a_policy_of_its_action_is_refused_and_a_long_delay_alone_is_not()
    {
        Action build = () => Build(new NodePolicy { Action = null! });
        build.Should().Throw<InvalidOperationException>().WithMessage("*the policy of node 'call' is wrong: it is null, or its Action or Undo is.");

        var patient = new StepPolicy { Delay = TimeSpan.FromSeconds(30) };
        Build(new NodePolicy { Action = patient });
        patient.MaxDelay.Should().Be(TimeSpan.FromSeconds(30));

        void Build(NodePolicy policy) =>
            new TestSaga("test", saga => saga.Node("call", policy, Succeed)).BuildDefinition(System.Text.Json.JsonSerializerOptions.Web);
    }

    [Fact]
    public async Task A_predicate_that_throws_is_logged_and_the_failure_of_the_step_counts()
    {
        var policy = new NodePolicy { Action = s_quick with { ShouldHandle = e => ((HttpRequestException)e).StatusCode == HttpStatusCode.NotFound } };
        var saga = new TestSaga("test", builder => builder.Node("call", policy, FailFirst(1, new IOException("the disk is full"))));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which.Error.Should().Be(new SagaError("IOException", "the disk is full"));
        process.Lines.Text(122).Should().StartWith("ShouldHandle of the action of node call threw");
        _calls.Should().Equal("call 1");
    }

    [Fact]
    public void A_pipeline_beside_other_settings_is_refused()
    {
        var policy = new NodePolicy { Undo = new StepPolicy { Pipeline = ResiliencePipeline.Empty, MaxRetryAttempts = 3 } };

        Action build = () => new TestSaga("test", saga => saga.Node("call", policy, Succeed)).BuildDefinition(System.Text.Json.JsonSerializerOptions.Web);

        build.Should().Throw<InvalidOperationException>().WithMessage("*Undo.Pipeline replaces all other settings, and one of them is set.");
    }

    [Fact]
    public async Task The_undo_of_a_node_has_its_own_idempotency_key_and_knows_that_of_the_action()
    {
        ConcurrentQueue<(Guid Own, Guid Action)> keys = new();
        Task Record(NodeContext<string> context)
        {
            keys.Enqueue((context.IdempotencyKey, context.ActionIdempotencyKey));
            return Task.CompletedTask;
        }

        await RunAsync(saga =>
        {
            SagaNode paid = saga.Node("pay", Record, undo: Record);
            saga.Node("ship", Fail("lost"), undo: null, paid);
        });

        (Guid Own, Guid Action)[] both = [.. keys];
        both.Should().HaveCount(2);
        both[0].Own.Should().Be(both[0].Action).And.Be(both[1].Action).And.NotBe(both[1].Own);
    }

    private static NodePolicy Quick() => new() { Action = s_quick, Undo = s_quick };

    private static Func<NodeContext<string>, Task> Fail(string code) => _ => throw new SagaActionException(code, code);

    private Task Succeed(NodeContext<string> context)
    {
        Note(context);
        return Task.CompletedTask;
    }

    private Func<NodeContext<string>, Task> FailFirst(int count, Exception failure)
    {
        int left = count;
        return context =>
        {
            Note(context);
            return Interlocked.Decrement(ref left) >= 0 ? throw failure : Task.CompletedTask;
        };
    }

    private Action<SagaBuilder<string>> UncertainSaga(Exception failure) => saga =>
    {
        var uncertain = new NodePolicy { Action = StepPolicy.NoRetry, Undo = s_quick, UndoAfterFailure = true };
        SagaNode<string> first = saga.Node(
            "first",
            context =>
            {
                Note(context);
                return Task.FromResult("made");
            },
            (_, output) =>
            {
                _calls.Enqueue($"undo first of {output}");
                return Task.CompletedTask;
            });
        saga.Node(
            "second",
            uncertain,
            Task<string> (context) =>
            {
                Note(context);
                throw failure;
            },
            (_, output) =>
            {
                _calls.Enqueue($"undo second {(output is null ? "without output" : "of " + output)}");
                return Task.CompletedTask;
            },
            first);
    };

    private void Note(NodeContext<string> context) => _calls.Enqueue($"{context.NodeName} {context.Attempt}");

    private async Task<(SagaResult Result, StoredSaga Stored)> RunAsync(Action<SagaBuilder<string>> define)
    {
        var saga = new TestSaga("test", define);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SagaHandle handle = await process.Client.StartAsync(saga, "");
        SagaResult result = await handle.Completion.Soon();
        return (result, _store.Get(handle.SagaId));
    }
}
