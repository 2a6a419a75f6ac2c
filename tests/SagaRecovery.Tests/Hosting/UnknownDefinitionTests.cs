using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>Many sagas of a definition that the executor lacks: the passes, the loads, the probation and the log lines that they cost.</summary>
public sealed class UnknownDefinitionTests
{
    private const int Sagas = 10_000;
    private const int UnknownEvent = 72;

    private static readonly TimeSpan Period = TimeSpan.FromMinutes(10);

    private readonly ScriptedControls _controls = new();

    [Fact]
    public async Task Passes_over_sagas_of_an_unknown_definition_load_one_when_due_and_log_nothing_new()
    {
        await using RecoveryHost host = await StartAsync(definitions: []);

        await RunScheduledPassesAsync(host, until: 16);

        host.Store.Loaded.Should().Be(16, "each pass was due, and loaded one saga for all");
        host.Status.Current.LastPass.Should().Match<PassReport>(pass => pass.UnknownDefinition == Sagas && pass.Result == PassResult.Completed);
        host.Status.Current.WaitingCount.Should().Be(Sagas);
        _controls.InFlight.Should().BeEmpty("none of them can run, so none is on probation");
        host.LogLines.Lines.Where(line => line.Level >= LogLevel.Warning).Should().ContainSingle().Which.Should().Match<(int EventId, LogLevel Level, string Message)>(
            line => line.EventId == UnknownEvent && line.Message.Contains($"{Sagas} of 'scripted'") && line.Message.Contains("version 7"));
    }

    [Fact]
    public async Task In_an_hour_of_backing_off_the_passes_are_hardly_more_than_the_period_asks_for()
    {
        await using RecoveryHost host = await StartAsync(definitions: []);
        await RunScheduledPassesAsync(host, until: 12);
        DateTimeOffset begin = host.Time.GetUtcNow();

        long passes = 12;
        while (host.Time.GetUtcNow() - begin < TimeSpan.FromHours(1))
        {
            await RunScheduledPassesAsync(host, until: ++passes);
        }

        (passes - 12).Should().BeInRange(6, 13, "each delay is between 5 and 10 minutes");
    }

    [Fact]
    public async Task Without_reported_definitions_the_probation_ends_with_the_pass()
    {
        await using RecoveryHost host = await StartAsync(definitions: null);
        host.Store.Loaded.Should().Be(Sagas);

        await RunScheduledPassesAsync(host, until: 6);

        host.Store.Loaded.Should().Be(Sagas + 5);
        _controls.InFlight[^1].Should().ContainSingle("the executor may run it, for all that is known");
        _controls.Cleared.Should().HaveCount(6).And.OnlyContain(probation => probation == TimeSpan.Zero);
    }

    [Fact]
    public async Task A_refill_whose_answers_show_that_a_definition_is_unknown_loads_no_more_and_its_probation_ends()
    {
        await using RecoveryHost host = await StartAsync(definitions: null, capacity: ExecutorCapacity.None);
        host.Status.Current.LastPass!.WaitingForSlot.Should().Be(Sagas);
        host.Store.Loaded.Should().Be(0);

        host.Executor.Capacity = new ExecutorCapacity(5);
        host.Starts.ReportCapacity();
        await Eventually.HoldsAsync(() => host.Status.Current.Totals.Refills == 1, "a refill had ended");

        host.Status.Current.Should().Match<RecoveryReport>(report => report.WaitingCount == Sagas && report.WaitingForSlot == 0);
        host.Store.Loaded.Should().Be(5);
        _controls.InFlight.Should().ContainSingle().Which.Should().HaveCount(5);
        _controls.Cleared.Should().Equal(TimeSpan.Zero);
        await RunScheduledPassesAsync(host, until: 2);
        host.Status.Current.LastPass.UnknownDefinition.Should().Be(Sagas);
        (host.Store.Loaded, host.LogLines.Count(UnknownEvent)).Should().Be((6, 1));
    }

    [Fact]
    public async Task A_saga_that_runs_keeps_its_probation()
    {
        await using RecoveryHost host = await StartAsync(definitions: null, sagas: 3);
        SagaId runs = host.Store.Sagas.Keys.First();
        host.Executor.OnResume = (saga, _) => Task.FromResult<ResumeOutcome>(
            saga.Id == runs ? ResumeOutcome.Resumed.Instance : new ResumeOutcome.UnknownDefinition("definition 'scripted' version 7"));
        _controls.Cleared.Clear();

        await host.ActivateAsync();
        await host.ActivateAsync();

        host.Status.Current.Tracked.Should().Be(1);
        _controls.Cleared.Should().BeEmpty();
    }

    [Fact]
    public async Task An_explicit_pass_loads_one_saga_at_once()
    {
        await using RecoveryHost host = await StartAsync(definitions: []);

        (await host.ActivateAsync()).UnknownDefinition.Should().Be(Sagas);

        host.Store.Loaded.Should().Be(2);
    }

    [Fact]
    public async Task A_line_follows_when_the_number_has_doubled_or_the_last_has_gone()
    {
        await using RecoveryHost host = await StartAsync(definitions: [], sagas: 100);
        Add(host, 50);
        await host.ActivateAsync();
        host.LogLines.Count(UnknownEvent).Should().Be(1);
        Add(host, 50);
        await host.ActivateAsync();
        host.LogLines.Count(UnknownEvent).Should().Be(2);

        host.Store.Sagas.Clear();
        await host.ActivateAsync();
        await host.ActivateAsync();

        host.LogLines.Count(UnknownEvent).Should().Be(2);
        host.LogLines.Count(73).Should().Be(1);
    }

    [Fact]
    public async Task A_definition_of_any_dag_is_asked_for_each_saga_until_its_version_is_known_to_be_another()
    {
        RunnableDefinition dynamic = new(DefinitionHash.Of("dynamic"u8), "scripted", SagaDatabase.Definition.Version + 1) { AnyDag = true };
        await using RecoveryHost host = await StartAsync(definitions: [dynamic], sagas: 20);
        host.Store.Loaded.Should().Be(20, "a listing does not show the version");

        await host.ActivateAsync();

        host.Store.Loaded.Should().Be(21);
        _controls.InFlight.Should().ContainSingle();
    }

    [Fact]
    public async Task A_store_that_reports_no_definitions_has_each_saga_tried_when_due()
    {
        await using RecoveryHost host = await StartAsync(definitions: [], sagas: 20, definition: null);
        host.Store.Loaded.Should().Be(20);

        await RunScheduledPassesAsync(host, until: 2);

        host.Store.Loaded.Should().Be(40, "all were due together");
        host.LogLines.Count(UnknownEvent).Should().Be(1);
    }

    private static void Add(RecoveryHost host, int sagas)
    {
        for (int i = 0; i < sagas; i++)
        {
            host.Store.Add();
        }
    }

    /// <summary>Runs the passes that the schedule asks for. A pass for any other reason makes the wait fail.</summary>
    private static async Task RunScheduledPassesAsync(RecoveryHost host, long until)
    {
        for (long passes = host.Status.Current.Totals.Passes + 1; passes <= until; passes++)
        {
            TimeSpan due = host.Status.Current.Waiting[0].NextTry!.Value - host.Time.GetUtcNow();
            TimeSpan delay = due < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : due < Period ? due : Period;
            await host.TimerSetAsync(delay);
            host.Time.Advance(delay);
            await host.PassesAsync(passes);
        }
    }

    private Task<RecoveryHost> StartAsync(IReadOnlyCollection<RunnableDefinition>? definitions, int sagas = Sagas, ExecutorCapacity? capacity = null) =>
        StartAsync(definitions, sagas, SagaDatabase.Definition.Hash.ToKey(), capacity);

    private async Task<RecoveryHost> StartAsync(IReadOnlyCollection<RunnableDefinition>? definitions, int sagas, DefinitionKey? definition, ExecutorCapacity? capacity = null)
    {
        RecoveryHost host = RecoveryHost.Create(options => options.Period = Period, _controls);
        host.Executor.Definitions = definitions;
        host.Executor.Capacity = capacity;
        host.Executor.OnResume = (_, _) => Task.FromResult<ResumeOutcome>(new ResumeOutcome.UnknownDefinition("definition 'scripted' version 7"));
        host.Store.Definition = definition;
        Add(host, sagas);
        await host.StartAsync();
        await host.PassesAsync(1);
        return host;
    }
}
