using SagaRecovery.Bookkeeping;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>When the job runs and how it ends, on a scripted store and a frozen clock.</summary>
public sealed class RetentionScheduleTests
{
    private readonly OneExpiredSaga _store = new();

    [Fact]
    public async Task The_first_run_waits_until_no_saga_waits_for_a_slot()
    {
        await using RecoveryHost host = await StartAsync(TimeSpan.FromHours(1));

        await AdvanceToNextRunAsync(host);
        await AdvanceToNextRunAsync(host);
        _store.Runs.Should().Be(0, "a saga waits for a slot");
        host.Executor.Capacity = null;
        await host.ActivateAsync();
        host.Status.Current.WaitingForSlot.Should().Be(0);
        await AdvanceToNextRunAsync(host);

        _store.Runs.Should().Be(1);
    }

    [Fact]
    public async Task The_first_run_begins_after_a_period_even_if_sagas_wait_for_a_slot()
    {
        await using RecoveryHost host = await StartAsync(TimeSpan.FromSeconds(70));
        DateTimeOffset began = host.Time.GetUtcNow();

        while (_store.Runs == 0)
        {
            await AdvanceToNextRunAsync(host);
        }

        (host.Time.GetUtcNow() - began).Should().Be(TimeSpan.FromSeconds(70));
        host.Status.Current.WaitingForSlot.Should().Be(1);
    }

    /// <summary>An archive that knows of the cancellation, and throws an exception of its own.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_an_archive_throws_at_the_end_of_the_process_never_stops_the_host(bool isFenced)
    {
        var archive = new AbortedArchive();
        await using RecoveryHost host = RecoveryHost.CreateWith(_store, KeepADay, archive);
        await host.StartAsync();
        await host.PassesAsync(1);
        await AdvanceAsync(host);
        await archive.Entered.WaitAsync(TimeSpan.FromSeconds(30));

        if (isFenced)
        {
            host.Store.JoinElsewhere();
            await host.ActivateAsync();
        }
        else
        {
            await host.StopAsync();
        }

        await host.RetentionJob.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30));
        host.Lifetime.ApplicationStopping.IsCancellationRequested.Should().Be(!isFenced);
        host.LogLines.Count(79).Should().Be(0, "the end of the process is no failure of retention");
    }

    /// <summary>An archive that ignores its cancellation token, and either waits or blocks its caller.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_archive_that_hangs_fails_its_run_and_does_not_hold_up_the_shutdown(bool blocks)
    {
        using var archive = new HungArchive(blocks);
        await using RecoveryHost host = RecoveryHost.CreateWith(_store, KeepADay, archive);
        await host.StartAsync();
        await host.PassesAsync(1);
        await AdvanceAsync(host);
        await archive.Entered.WaitAsync(TimeSpan.FromSeconds(30));
        host.Status.RenderText().Should().Contain("; no run yet; running for 0ms\n");

        await AdvanceUntilAsync(host, () => host.Status.Current.Retention!.FailedInARow == 1, "the run had failed");
        host.Status.Current.Retention!.LastRun!.Error.Should().Be("archive HungArchive has not ended an export within 60s");
        _store.Turns.Should().Be(0, "another process may delete");
        await AdvanceUntilAsync(host, () => host.Status.Current.Retention!.FailedInARow == 2, "the next run had failed");
        host.Status.Current.Retention!.LastRun!.Error.Should().Be("archive HungArchive has not ended its last export yet");
        archive.Exports.Should().Be(1);

        archive.End();
        await AdvanceUntilAsync(host, () => archive.Exports == 2, "the archive was tried again");
        Task stopped = host.StopAsync();
        await AdvanceUntilAsync(host, () => stopped.IsCompleted, "the host had stopped");
        await stopped;
    }

    [Fact]
    public async Task A_definition_is_kept_in_any_case_and_an_unknown_one_is_logged_once()
    {
        await using RecoveryHost host = RecoveryHost.CreateWith(_store, options =>
        {
            KeepADay(options);
            options.ByDefinition[SagaDatabase.Definition.Name.ToUpperInvariant()] = new DefinitionRetention { Keep = true };
            options.ByDefinition["invoce"] = new DefinitionRetention { Keep = true };
        });
        await host.StartAsync();
        await host.PassesAsync(1);

        await AdvanceToNextRunAsync(host);
        await AdvanceToNextRunAsync(host);

        host.Status.Current.Retention!.Deleted.Should().Be(0);
        host.LogLines.Lines.Should().ContainSingle(line => line.EventId == 86).Which.Message.Should().StartWith("no definition invoce is stored, which SagaRecovery:Retention:ByDefinition names");
    }

    [Fact]
    public async Task An_estimate_that_throws_when_the_process_is_fenced_never_stops_the_host()
    {
        RecoveryHost? host = null;
        var store = new OneExpiredSaga
        {
            BeforeEstimate = async () =>
            {
                host!.Store.JoinElsewhere();
                await host.ActivateAsync();
                throw new IOException("aborted");
            },
        };
        await using (host = RecoveryHost.CreateWith(store, KeepADay))
        {
            await host.StartAsync();
            await host.PassesAsync(1);
            await AdvanceAsync(host);

            await host.RetentionJob.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30));

            host.Lifetime.ApplicationStopping.IsCancellationRequested.Should().BeFalse();
        }
    }

    [Fact]
    public async Task A_run_whose_estimate_fails_is_complete()
    {
        var store = new OneExpiredSaga { BeforeEstimate = () => throw new IOException("no statistics") };
        await using RecoveryHost host = RecoveryHost.CreateWith(store, KeepADay);
        await host.StartAsync();
        await host.PassesAsync(1);
        await AdvanceAsync(host);
        await Eventually.HoldsAsync(() => host.Status.Current.Retention!.LastRun is not null, "a run had ended");

        host.Status.Current.Retention.Should().Match<RetentionReport>(report => report.FailedInARow == 0 && report.LastRun!.Error == null && report.LastRun.Deleted == 1);
        host.LogLines.Count(85).Should().Be(1);
    }

    [Theory]
    [InlineData(false, "deleted sagas: 1, definitions: 0")]
    [InlineData(true, "deleted sagas: 1, 1 exported before, definitions: 0")]
    public async Task The_line_of_a_run_mentions_exports_only_if_there_is_an_archive(bool archives, string part)
    {
        await using RecoveryHost host = RecoveryHost.CreateWith(
            _store, KeepADay, archives ? new ListArchive() : null);
        await host.StartAsync();
        await host.PassesAsync(1);
        await AdvanceAsync(host);
        await Eventually.HoldsAsync(() => host.LogLines.Count(78) == 1, "a run had ended");

        host.LogLines.Lines.Should().ContainSingle(line => line.EventId == 78).Which.Message.Should().Contain(part);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_line_of_a_failed_run_claims_nothing_about_an_archive(bool archives)
    {
        await using RecoveryHost host = RecoveryHost.CreateWith(
            new FailingRetention(), KeepADay, archives ? new ListArchive() : null);
        await host.StartAsync();
        await host.PassesAsync(1);
        await AdvanceAsync(host);
        await Eventually.HoldsAsync(() => host.LogLines.Count(79) == 1, "a run had failed");

        host.LogLines.Lines.Should().ContainSingle(line => line.EventId == 79).Which.Message.Should()
            .StartWith("retention run failed; deleted sagas before: 0; all others stay until the next attempt, in ").And.EndWith("no table");
    }

    /// <summary>Without pauses, for which the clock would have to advance.</summary>
    private static void KeepADay(RetentionOptions options) => (options.KeepSucceeded, options.BatchPause) = (TimeSpan.FromDays(1), TimeSpan.Zero);

    /// <summary>Started with a saga that waits for a slot.</summary>
    private async Task<RecoveryHost> StartAsync(TimeSpan period)
    {
        RecoveryHost host = RecoveryHost.CreateWith(_store, options => (options.KeepSucceeded, options.Period) = (TimeSpan.FromDays(1), period));
        host.Executor.Capacity = ExecutorCapacity.None;
        host.Store.Add();
        await host.StartAsync();
        await host.PassesAsync(1);
        host.Status.Current.WaitingForSlot.Should().Be(1);
        return host;
    }

    /// <summary>Lets the time pass until the published next run, and waits until the job has run or has postponed it.</summary>
    private async Task AdvanceToNextRunAsync(RecoveryHost host)
    {
        int runs = _store.Runs;
        DateTimeOffset next = await AdvanceAsync(host);
        await Eventually.HoldsAsync(() => _store.Runs > runs || host.Status.Current.Retention!.NextRun > next, "the job had run, or waited for longer");
    }

    private static async Task<DateTimeOffset> AdvanceAsync(RecoveryHost host)
    {
        await Eventually.HoldsAsync(() => host.Status.Current.Retention?.NextRun is not null, "a run was planned");
        DateTimeOffset next = host.Status.Current.Retention!.NextRun!.Value;
        host.Time.Advance(next - host.Time.GetUtcNow());
        return next;
    }

    /// <summary>Lets the time pass second by second until a condition holds.</summary>
    private static Task AdvanceUntilAsync(RecoveryHost host, Func<bool> holds, string what) => Eventually.HoldsAsync(
        () =>
        {
            host.Time.Advance(TimeSpan.FromSeconds(1));
            return holds();
        },
        what);

    private sealed class HungArchive(bool blocks) : ISagaArchive, IDisposable
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SemaphoreSlim _end = new(0);

        public Task Entered => _entered.Task;

        public int Exports { get; private set; }

        public Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
        {
            Exports++;
            _entered.TrySetResult();
            if (!blocks)
            {
                return _end.WaitAsync(CancellationToken.None);
            }

            _end.Wait(CancellationToken.None);
            return Task.CompletedTask;
        }

        public void End() => _end.Release();

        public void Dispose()
        {
            _end.Release();
            _end.Dispose();
        }
    }

    private sealed class AbortedArchive : ISagaArchive
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Entered => _entered.Task;

        public async Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
        {
            _entered.TrySetResult();
            var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using (cancellationToken.Register(cancelled.SetResult))
            {
                await cancelled.Task;
            }

            throw new IOException("the upload was aborted");
        }
    }

    private sealed class FailingRetention : ISagaRetention
    {
        public Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("no table");

        public Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken) => throw new InvalidOperationException();

        public Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken) => throw new InvalidOperationException();

        public Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken) =>
            throw new InvalidOperationException();

        public Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => throw new InvalidOperationException();

        public Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => throw new InvalidOperationException();
    }
}
