using SagaRecovery.Bookkeeping;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>What repeats at every pass has a line when it changes.</summary>
public sealed class PassLogTests
{
    private const int NeedsRecovery = 7;
    private const int Held = 18;
    private const int Unreadable = 19;
    private const int Paused = 34;
    private const int Deferred = 35;

    private static readonly OperatorNote Note = new("ann", "as it is");

    private readonly ScriptedControls _controls = new();

    [Fact]
    public async Task A_held_saga_has_a_line_when_it_is_held()
    {
        await using RecoveryHost host = await StartAsync();
        SagaId saga = host.Store.Add();
        _controls.Held = [new HeldSaga(saga, "scripted", host.Time.GetUtcNow(), Note)];
        await PassesAsync(host, 3);
        host.LogLines.Count(Held).Should().Be(1);

        _controls.Held = [];
        host.Executor.OnResume = (_, _) => throw new IOException("no");
        await PassesAsync(host, 1);
        _controls.Held = [new HeldSaga(saga, "scripted", host.Time.GetUtcNow(), Note)];
        await PassesAsync(host, 2);

        host.LogLines.Count(Held).Should().Be(2);
        host.Status.Current.LastPass!.Held.Should().Be(1, "the status shows the present state");
    }

    [Fact]
    public async Task A_pause_has_a_line_when_it_begins_and_when_many_more_sagas_wait()
    {
        await using RecoveryHost host = await StartAsync();
        host.Store.Add();
        _controls.Paused = new RecoveryPause(host.Time.GetUtcNow(), Note);
        await PassesAsync(host, 3);
        host.LogLines.Count(Paused).Should().Be(1);
        host.Store.Add();
        await PassesAsync(host, 2);
        host.LogLines.Count(Paused).Should().Be(2);

        _controls.Paused = null;
        await PassesAsync(host, 1);
        host.Store.Add();
        _controls.Paused = new RecoveryPause(host.Time.GetUtcNow(), Note);
        await PassesAsync(host, 2);

        host.LogLines.Count(Paused).Should().Be(3);
    }

    [Fact]
    public async Task An_unreadable_saga_has_a_line_for_each_error()
    {
        await using RecoveryHost host = await StartAsync();
        var saga = new SagaId(Guid.NewGuid());
        host.Store.Unreadable[saga] = "state 'sideways' is unknown";
        await PassesAsync(host, 3);
        host.LogLines.Count(Unreadable).Should().Be(1);

        host.Store.Unreadable[saga] = "state 'upwards' is unknown";
        await PassesAsync(host, 2);

        host.LogLines.Count(Unreadable).Should().Be(2);
        host.Status.Current.LastPass!.Unreadable.Should().Be(1);
    }

    [Fact]
    public async Task A_deferred_suspect_has_a_line_when_it_is_deferred()
    {
        await using RecoveryHost host = RecoveryHost.Create(controls: _controls);
        SagaId suspect = host.Store.Add();
        _controls.Suspects = [new Suspect(suspect, GroupSize: 1, DeathsAlone: 1)];
        host.Store.Add();
        await host.StartAsync();
        await host.PassesAsync(1);

        await PassesAsync(host, 3);

        host.LogLines.Count(Deferred).Should().Be(1);
        host.Status.Current.LastPass!.Deferred.Should().Be(1);
    }

    [Fact]
    public async Task Sagas_that_no_pass_could_load_have_one_line_for_all_passes()
    {
        await using RecoveryHost host = await StartAsync();
        host.Store.Add();
        host.Store.Add();
        host.Store.BeforeLoad = _ => throw new IOException("the database is away");
        await PassesAsync(host, 3);
        host.Status.Current.Totals.FailedPasses.Should().Be(3);
        host.LogLines.Count(NeedsRecovery).Should().Be(2);

        host.Store.BeforeLoad = _ => Task.CompletedTask;
        host.Executor.OnResume = (_, _) => throw new IOException("no");
        await PassesAsync(host, 2);

        host.LogLines.Count(NeedsRecovery).Should().Be(4, "each had a result, and is tried again");
    }

    private static async Task PassesAsync(RecoveryHost host, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await host.ActivateAsync();
        }
    }

    private Task<RecoveryHost> StartAsync() => RecoveryHost.StartAsync(options => options.HoldAfterCrashes = 0, _controls);
}
