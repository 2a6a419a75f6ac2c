using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Retention;
using SagaRecovery.Storage;
using SagaRecovery.Testing;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

public sealed class OptionsTests
{
    private const string SomeId = "0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11";

    [Theory]
    [InlineData("Period", "00:00:00")]
    [InlineData("Period", "-00:01:00")]
    [InlineData("Period", "60.00:00:00")]
    [InlineData("ResumeTimeout", "00:00:00")]
    [InlineData("RetryDelay", "00:00:00")]
    [InlineData("FirstBackoff", "00:00:00")]
    [InlineData("LongestBackoff", "00:00:00.5")]
    [InlineData("MaxConcurrency", "0")]
    [InlineData("ListPageSize", "0")]
    [InlineData("LoadBatchSize", "-5")]
    [InlineData("MaxUnreadStarts", "0")]
    [InlineData("HeartbeatPeriod", "00:00:08")]
    [InlineData("TakeOverAfter", "00:00:14")]
    [InlineData("DrainFor", "-00:00:01")]
    [InlineData("CoordinatorId", "00000000-0000-0000-0000-000000000000")]
    [InlineData("Postgres:Schema", "No Such")]
    [InlineData("Postgres:MaxPoolSize", "4")]
    [InlineData("Postgres:QueryTimeout", "00:00:00")]
    [InlineData("Postgres:QueryTimeout", "01:00:01")]
    public async Task A_setting_that_makes_no_sense_keeps_the_host_from_starting_and_is_named(string setting, string value)
    {
        using IHost host = Build(new() { ["SagaRecovery:CoordinatorId"] = SomeId, [$"SagaRecovery:{setting}"] = value });

        (await FluentActions.Awaiting(() => host.StartAsync()).Should().ThrowAsync<OptionsValidationException>())
            .WithMessage($"*SagaRecovery:{setting}*");
    }

    [Theory]
    [InlineData("Period", "5", "SagaRecovery:Period is '5', which .NET reads as 5 days*00:00:05*5.00:00:00*")]
    [InlineData("TakeOverAfter", "30", "SagaRecovery:TakeOverAfter is '30'*")]
    [InlineData("StalledAfterByDefinition:deploy", "1", "SagaRecovery:StalledAfterByDefinition:deploy is '1'*")]
    [InlineData("Retention:ByDefinition:deploy:KeepStuck", "1", "SagaRecovery:Retention:ByDefinition:deploy:KeepStuck is '1'*")]
    public async Task A_bare_number_as_a_duration_keeps_the_host_from_starting(string setting, string value, string message)
    {
        using IHost host = Build(new() { ["SagaRecovery:CoordinatorId"] = SomeId, [$"SagaRecovery:{setting}"] = value });

        (await FluentActions.Awaiting(() => host.StartAsync()).Should().ThrowAsync<OptionsValidationException>()).WithMessage(message);
    }

    [Fact]
    public void The_settings_that_are_durations_are_those_that_are_checked_for_bare_numbers()
    {
        SagaRecoveryOptions.Durations.Should().BeEquivalentTo(ConfiguredOptions.DurationsOf(typeof(SagaRecoveryOptions)));
        PostgresStoreOptions.Durations.Should().BeEquivalentTo(ConfiguredOptions.DurationsOf(typeof(PostgresStoreOptions)));
        RetentionOptions.Durations.Should().BeEquivalentTo(ConfiguredOptions.DurationsOf(typeof(RetentionOptions)));
    }

    [Fact]
    public void Every_setting_is_read_from_the_configuration()
    {
        ConfiguredOptions.FindUnread<SagaRecoveryOptions>(SagaRecoveryOptions.SectionName, services => services.AddSagaRecovery()).Should().BeEmpty();
        ConfiguredOptions.FindUnread<PostgresStoreOptions>(PostgresStoreOptions.SectionName, services => services.AddSagaRecovery()).Should().BeEmpty();
        ConfiguredOptions.FindUnread<RetentionOptions>(RetentionOptions.SectionName, services => services.AddSagaRecovery()).Should().BeEmpty();
    }

    [Fact]
    public void A_drain_of_no_time_may_be_written_as_zero()
    {
        using IHost host = Build(new() { ["SagaRecovery:CoordinatorId"] = SomeId, ["SagaRecovery:DrainFor"] = "0" });

        host.Services.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value.DrainFor.Should().Be(TimeSpan.Zero);
    }

    [Fact]
    public void A_coordinator_may_be_configured_by_name()
    {
        using IHost host = Build(new() { ["SagaRecovery:CoordinatorId"] = "sagas-0" });

        host.Services.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value.CoordinatorId.Should().Be(CoordinatorId.FromName("sagas-0"));
    }

    [Fact]
    public async Task A_mistyped_coordinator_id_is_not_taken_for_a_name()
    {
        using IHost host = Build(new() { ["SagaRecovery:CoordinatorId"] = SomeId[..^1] });

        (await FluentActions.Awaiting(() => host.StartAsync()).Should().ThrowAsync<InvalidOperationException>())
            .WithMessage("*SagaRecovery:CoordinatorId*");
    }

    [Fact]
    public async Task A_setting_that_cannot_be_read_is_named()
    {
        using IHost host = Build(new() { ["SagaRecovery:CoordinatorId"] = SomeId, ["SagaRecovery:Period"] = "often" });

        (await FluentActions.Awaiting(() => host.StartAsync()).Should().ThrowAsync<InvalidOperationException>())
            .WithMessage("*SagaRecovery:Period*");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public async Task A_missing_coordinator_id_is_named(string? value)
    {
        using IHost host = Build(value is null ? [] : new() { ["SagaRecovery:CoordinatorId"] = value });

        (await FluentActions.Awaiting(() => host.StartAsync()).Should().ThrowAsync<OptionsValidationException>())
            .WithMessage("*SagaRecovery:CoordinatorId is missing*");
    }

    [Fact]
    public async Task A_missing_executor_and_a_missing_data_source_are_named()
    {
        Dictionary<string, string?> settings = new() { ["SagaRecovery:CoordinatorId"] = SomeId };
        using IHost noExecutor = Build(settings, withExecutor: false);
        using IHost noDataSource = Build(settings, withDataSource: false);

        (await FluentActions.Awaiting(() => noExecutor.StartAsync()).Should().ThrowAsync<InvalidOperationException>()).WithMessage("*UseExecutor*");
        (await FluentActions.Awaiting(() => noDataSource.StartAsync()).Should().ThrowAsync<InvalidOperationException>()).WithMessage("*NpgsqlDataSource*");
    }

    [Fact]
    public void Settings_come_from_the_configuration_and_code_overrides_them()
    {
        using IHost host = Build(
            new()
            {
                ["SagaRecovery:CoordinatorId"] = SomeId,
                ["SagaRecovery:Period"] = "00:00:42",
                ["SagaRecovery:MaxConcurrency"] = "3",
                ["SagaRecovery:Postgres:Schema"] = "my_sagas",
            },
            options => options.MaxConcurrency = 5);

        SagaRecoveryOptions options = host.Services.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value;
        options.CoordinatorId.Should().Be(new CoordinatorId(Guid.Parse(SomeId)));
        options.Period.Should().Be(TimeSpan.FromSeconds(42));
        options.MaxConcurrency.Should().Be(5);
        host.Services.GetRequiredService<IOptions<SagaRecovery.Postgres.PostgresStoreOptions>>().Value.Schema.Should().Be("my_sagas");
    }

    [Fact]
    public void Adding_recovery_twice_is_adding_it_once()
    {
        var services = new ServiceCollection();
        services.AddSagaRecovery(options => options.MaxConcurrency = 2);
        int registrations = services.Count;

        services.AddSagaRecovery();

        services.Should().HaveCount(registrations);
        services.Count(service => service.ServiceType == typeof(IHostedService)).Should().Be(5, "the loop, the heartbeats, the shutdown, retention, and the series of the metrics");
    }

    [Fact]
    public void A_store_that_is_a_saga_log_as_well_is_used_as_both()
    {
        var services = new ServiceCollection();
        services.AddLogging().AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddSagaRecovery().UseStore<InMemorySagaStore>();
        using ServiceProvider provider = services.BuildServiceProvider();

        provider.GetRequiredService<ISagaLog>().Should().BeSameAs(provider.GetRequiredService<ISagaStore>());
    }

    private static IHost Build(
        Dictionary<string, string?> settings, Action<SagaRecoveryOptions>? configure = null, bool withExecutor = true, bool withDataSource = true)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings);
        SagaRecoveryBuilder recovery = builder.Services.AddSagaRecovery(configure);
        if (withExecutor)
        {
            recovery.UseExecutor<AnsweringExecutor>();
        }

        if (withDataSource)
        {
            builder.Services.AddSingleton(NpgsqlDataSource.Create("Host=127.0.0.1;Port=1"));
        }

        return builder.Build();
    }
}
