using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>The job in a real host, on Postgres.</summary>
public sealed class RetentionJobTests(PostgresCluster cluster) : RetentionTest(cluster)
{
    private readonly LogLines _logLines = new();

    [Fact]
    public async Task Without_settings_nothing_is_deleted_and_the_status_says_how_many_ended_sagas_there_are()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(4000));
        await Db.ExecuteAsync("analyze saga_recovery.saga");

        using IHost host = await StartAsync();
        string text = await StatusAsync(host, "about 1 ended saga, the oldest saga started at");

        text.Should().MatchRegex(@"\n  retention: off, about 1 ended saga, the oldest saga started at 20\d\d-\d\d-\d\dT[0-9:]+Z\n");
        (await IdsAsync()).Should().ContainSingle();
        await host.StopAsync();
    }

    [Fact]
    public async Task An_estimate_that_fails_is_no_failure_of_retention_and_is_repeated()
    {
        await Db.JoinAsync();
        using IHost host = await StartAsync();
        await StatusAsync(host, "retention: off");

        await Db.ExecuteAsync("alter table saga_recovery.saga_definition rename to away");
        await Eventually.HoldsAsync(() => _logLines.Count(85) > 1, "the estimate had failed twice");
        host.Services.GetRequiredService<SagaRecoveryStatus>().Current.Retention!.FailedInARow.Should().Be(0);
        _logLines.Count(79).Should().Be(0);
        await Db.ExecuteAsync("alter table saga_recovery.away rename to saga_definition; analyze saga_recovery.saga");
        await StatusAsync(host, "retention: off, about 0 ended sagas");
        await host.StopAsync();
    }

    [Fact]
    public async Task What_has_expired_is_deleted_and_the_run_is_reported_once()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await EndedAsync(us, SagaState.Unwound, TimeSpan.FromDays(31));
        await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(4000));
        var archive = new ListArchive();

        using IHost host = await StartAsync(archive, ("KeepSucceeded", "30.00:00:00"), ("ByDefinition:test-saga:KeepUnwound", "30.00:00:00"));
        string text = await StatusAsync(host, "deleted 2");

        text.Should().Contain("retention: succeeded after 30d; other times for 1 definition, exported before;").And.Contain("deleted 2, exported 2; next in");
        (await StatesAsync()).Should().Equal("stuck");
        archive.Sagas.Should().HaveCount(2);
        _logLines.Count(78).Should().BeGreaterThanOrEqualTo(1);
        await host.StopAsync();
    }

    [Fact]
    public async Task An_archive_that_fails_is_retried_and_reported_and_nothing_is_deleted()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        bool isBroken = true;
        var archive = new ListArchive { BeforeConfirming = _ => isBroken ? throw new IOException("disk full") : Task.CompletedTask };

        using IHost host = await StartAsync(archive, ("KeepSucceeded", "30.00:00:00"));
        string text = await StatusAsync(host, "FAILED (3 times in a row)");

        text.Should().Contain("archive ListArchive failed: IOException: disk full");
        (await IdsAsync()).Should().ContainSingle();
        isBroken = false;
        await StatusAsync(host, "deleted 1, exported 1");
        host.Services.GetRequiredService<SagaRecoveryStatus>().Current.Retention!.FailedInARow.Should().Be(0);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_purge_by_hand_leaves_out_the_definitions_that_the_settings_keep_unless_it_names_one()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        using IHost host = await StartAsync(archive: null, ("ByDefinition:test-saga:Keep", "true"));
        RetentionOperator retention = host.Services.GetRequiredService<RetentionOperator>();
        var request = new PurgeRequest { OlderThan = Month, Reason = Note.Reason };

        PurgeResponse counted = await retention.PurgeAsync(request, Note, CancellationToken.None);
        PurgeResponse kept = await retention.PurgeAsync(request with { Delete = true }, Note, CancellationToken.None);
        PurgeResponse named = await retention.PurgeAsync(request with { Definition = SagaDatabase.Definition.Name, Delete = true }, Note, CancellationToken.None);

        counted.Message.Should().Be("purge: would delete 0 sagas, 0.0 MB; left out, because the settings keep them: test-saga");
        counted.KeptDefinitions.Should().Equal("test-saga");
        kept.Message.Should().Be("purge: deleted 0 sagas; left out, because the settings keep them: test-saga");
        named.Message.Should().Be("purge: deleted 1 saga");
        _logLines.Lines.Where(line => line.EventId == 84).Select(line => line.Message).Should()
            .Equal("purge by ann; deleted sagas: 0; OPS-12", "purge by ann; deleted sagas: 1; OPS-12");
        await host.StopAsync();
    }

    [Theory]
    [InlineData("KeepSucceeded", "30", "SagaRecovery:Retention:KeepSucceeded is '30', which .NET reads as 30 days")]
    [InlineData("KeepSucceeded", "00:00:00", "SagaRecovery:Retention:KeepSucceeded must be at least 00:00:01")]
    [InlineData("ByDefinition:pay:KeepStuck", "7", "SagaRecovery:Retention:ByDefinition:pay:KeepStuck is '7'")]
    [InlineData("ByDefinition:pay:KeepStuck", "-1.00:00:00", "SagaRecovery:Retention:ByDefinition:pay:KeepStuck must be at least")]
    [InlineData("BatchSize", "0", "SagaRecovery:Retention:BatchSize must be from 1 to 10000")]
    [InlineData("Period", "00:00:00", "SagaRecovery:Retention:Period must be greater than zero")]
    [InlineData("BatchPause", "-00:00:01", "SagaRecovery:Retention:BatchPause must be from 0")]
    [InlineData("ArchiveTimeout", "00:00:00", "SagaRecovery:Retention:ArchiveTimeout must be greater than zero")]
    [InlineData("ArchiveFolder", " ", "SagaRecovery:Retention:ArchiveFolder must not be blank")]
    public async Task A_wrong_setting_keeps_the_host_from_starting_and_is_named(string setting, string value, string message) =>
        (await FluentActions.Awaiting(() => StartAsync(archive: null, (setting, value))).Should().ThrowAsync<OptionsValidationException>())
            .Which.Message.Should().Contain(message);

    [Fact]
    public void A_definition_that_is_kept_overrides_all_times_and_one_without_a_time_has_that_of_all()
    {
        var options = new RetentionOptions { KeepSucceeded = TimeSpan.FromDays(1), KeepUnwound = TimeSpan.FromDays(2) };
        options.ByDefinition["audit"] = new DefinitionRetention { Keep = true };
        options.ByDefinition["pay"] = new DefinitionRetention { KeepSucceeded = TimeSpan.FromDays(9), KeepStuck = TimeSpan.FromDays(10) };

        Days("audit").Should().Equal(null, null, null, null);
        Days("pay").Should().Equal(9, 2, 10, null);
        Days("other").Should().Equal(1, 2, null, null);
        RetentionPolicy.KeepOf(options, "pay", SagaState.Running).Should().BeNull();

        IEnumerable<double?> Days(string definition) => new[] { SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck, SagaState.Abandoned }
            .Select(state => RetentionPolicy.KeepOf(options, definition, state)?.TotalDays);
    }

    private async Task<IHost> StartAsync(ISagaArchive? archive = null, params (string Name, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(_logLines);
        builder.Configuration.AddInMemoryCollection(
            settings.Select(one => new KeyValuePair<string, string?>($"SagaRecovery:Retention:{one.Name}", one.Value))
                .Append(new("SagaRecovery:CoordinatorId", Guid.NewGuid().ToString()))
                .Append(new("SagaRecovery:RetryDelay", "00:00:00.010"))
                .Concat(settings.Any(one => one.Name == "Period") ? [] : [new("SagaRecovery:Retention:Period", "00:00:00.200")]));
        builder.Services.AddSingleton(NpgsqlDataSource.Create(Db.Direct));
        builder.Services.AddSingleton(new AnsweringExecutor());
        if (archive is not null)
        {
            builder.Services.AddSingleton(archive);
        }

        builder.Services.AddSagaRecovery().UseExecutor<AnsweringExecutor>();
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static async Task<string> StatusAsync(IHost host, string part)
    {
        SagaRecoveryStatus status = host.Services.GetRequiredService<SagaRecoveryStatus>();
        string text = "";
        await Eventually.HoldsAsync(() => (text = status.RenderText()).Contains(part, StringComparison.Ordinal), $"the status said '{part}'");
        return text;
    }
}
