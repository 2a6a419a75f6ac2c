using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;
using SagaRecovery.Timing;

namespace SagaRecovery.Tests.Hosting;

/// <summary>Notifications of the runs in this process about operator actions that have taken effect.</summary>
public sealed class RunNotifierTests : IDisposable
{
    private readonly AnsweringExecutor _executor = new();
    private readonly WatchedTimeProvider _time = new();
    private readonly LogLines _log = new();
    private readonly LoggerFactory _factory;
    private readonly RunNotifier _notifier;
    private readonly SagaId[] _sagas = [.. Enumerable.Range(0, 500).Select(_ => SagaId.NewAt(DateTimeOffset.UtcNow))];
    private readonly SagaAction _cancel = new(OperatorActionKind.Cancel, new OperatorNote("ann", "a bad release"));

    public RunNotifierTests()
    {
        _factory = new LoggerFactory([_log]);
        _notifier = new RunNotifier(
            _executor, new SagaTracker(new StartInbox(), BackoffPolicy.Default), new SteadyTimeProvider(_time), _factory.CreateLogger<SagaOperator>());
    }

    public void Dispose() => _factory.Dispose();

    [Fact]
    public async Task All_runs_are_notified_if_the_executor_throws_for_some_and_one_line_is_logged()
    {
        _executor.OnRequest = saga => saga == _sagas[2] || saga == _sagas[7] ? throw new InvalidOperationException("its disk is full") : Task.CompletedTask;

        await _notifier.NotifyAsync(_cancel, _sagas);

        _executor.Calls.Should().HaveCount(500);
        _log.Lines.Should().ContainSingle().Which.Should().Be((
            91, LogLevel.Warning, $"executor was not notified of cancel for 2 of 500 sagas, which the next pass repeats; the first is {_sagas[2]}: its disk is full"));
    }

    [Fact]
    public async Task A_run_that_does_not_answer_delays_the_others_not_at_all_and_the_action_by_its_budget()
    {
        _executor.OnRequest = saga => saga == _sagas[2] ? new TaskCompletionSource().Task : Task.CompletedTask;

        Task notification = _notifier.NotifyAsync(_cancel, _sagas);
        await Eventually.HoldsAsync(() => _executor.Calls.Count == 500, "all runs were notified");
        notification.IsCompleted.Should().BeFalse();
        _time.Advance(RunNotifier.Budget);

        await notification.WaitAsync(TimeSpan.FromSeconds(30));
        _log.Lines.Single().Message.Should().Contain("1 of 500 sagas").And.EndWith($"{_sagas[2]}: it did not answer within 5s");
    }

    [Fact]
    public async Task An_executor_that_blocks_the_calling_thread_delays_the_action_by_its_budget()
    {
        using var unblock = new ManualResetEventSlim();
        _executor.OnRequest = _ =>
        {
            unblock.Wait();
            return Task.CompletedTask;
        };

        Task notification = _notifier.NotifyAsync(_cancel, _sagas);
        await Eventually.HoldsAsync(() => _executor.Calls.Count == 1, "the first call was made");
        _time.Advance(RunNotifier.Budget);

        await notification.WaitAsync(TimeSpan.FromSeconds(30));
        _log.Lines.Single().Message.Should().Contain("500 of 500 sagas");
        unblock.Set();
    }

    [Fact]
    public async Task An_action_without_a_run_notifies_none_and_logs_nothing()
    {
        await _notifier.NotifyAsync(_cancel with { Kind = OperatorActionKind.Abandon }, _sagas);

        _executor.Calls.Should().BeEmpty();
        _log.Lines.Should().BeEmpty();
    }
}
