using System.Data;
using EmbeddedPostgres;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The shipped store, built by the container as in a user's host.</summary>
public sealed class PostgresStoreContractTests(ContractDatabase database) : IClassFixture<ContractDatabase>
{
    /// <summary>Each rule, at each level that an administrator can make the default.</summary>
    public static TheoryData<string, string> Rules
    {
        get
        {
            TheoryData<string, string> rules = [];
            foreach (string isolation in new[] { "read committed", "repeatable read", "serializable" })
            {
                foreach (string rule in SagaStoreContract.Rules)
                {
                    rules.Add(rule, isolation);
                }
            }

            return rules;
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task The_Postgres_store_keeps_the_contract(string rule, string isolation)
    {
        bool damages = SagaStoreContract.OptionalRules.Contains(rule); // not the shared one
        string connection = damages ? await database.NewAsync() : database.Shared;
        await using var subject = new PostgresSubject($"{connection};Options=-c default_transaction_isolation={isolation.Replace(" ", "\\ ", StringComparison.Ordinal)}");
        await SagaStoreContract.CheckAsync(rule, subject);
    }

    public static TheoryData<string> AllRules => [.. SagaStoreContract.Rules];

    [Theory]
    [MemberData(nameof(AllRules))]
    public async Task The_Postgres_store_keeps_the_contract_with_a_partitioned_log(string rule)
    {
        string connection = await database.PartitionedAsync(shared: !SagaStoreContract.OptionalRules.Contains(rule));
        await using var subject = new PostgresSubject(connection);
        await SagaStoreContract.CheckAsync(rule, subject);
    }
}

public sealed class ContractDatabase : IAsyncLifetime
{
    private ThrowawayCluster? _cluster;
    private string? _partitioned;

    /// <summary>The connection string of a database for all rules that leave it as it is.</summary>
    public string Shared { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        Shared = await NewAsync();
    }

    public Task<string> NewAsync() => _cluster!.NewDatabaseAsync();

    /// <summary>Returns a database whose table of events is partitioned.</summary>
    public async Task<string> PartitionedAsync(bool shared)
    {
        if (shared && _partitioned is not null)
        {
            return _partitioned;
        }

        string connection = await NewAsync();
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(connection);
        await using NpgsqlCommand create = source.CreateCommand(PostgresSchema.Script() + PostgresSchema.PartitionEventsScript(4));
        await create.ExecuteNonQueryAsync();
        _partitioned ??= shared ? connection : null;
        return connection;
    }

    public async ValueTask DisposeAsync() => await _cluster!.DisposeAsync();
}

internal sealed class PostgresSubject : SagaStoreSubject
{
    private readonly NpgsqlDataSource _dataSource;
    private readonly ServiceProvider _services;

    public PostgresSubject(string connectionString)
    {
        _dataSource = NpgsqlDataSource.Create(connectionString);
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddSingleton(_dataSource);
        services.AddSagaRecovery(options =>
        {
            options.CoordinatorId = new CoordinatorId(Guid.NewGuid()); // unused: the rules join under ids of their own
            options.ListPageSize = ListPageSize;
        });
        services.Configure<PostgresStoreOptions>(options => options.CreateSchema = true);
        _services = services.BuildServiceProvider();
    }

    public override ISagaStore Store => _services.GetRequiredService<ISagaStore>();

    public override ISagaLog Log => _services.GetRequiredService<ISagaLog>();

    public override ISagaReader Reader => _services.GetRequiredService<ISagaReader>();

    public override ISagaDefinitions Definitions => _services.GetRequiredService<ISagaDefinitions>();

    public override int ListPageSize => 7;

    public override async Task ReassignAsync(SagaId sagaId, CoordinatorId? to)
    {
        // As the library does it, for one saga: in one transaction, the lock on the old owner first.
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        await using var ask = new NpgsqlCommand("select current_coordinator from saga_recovery.saga where id = $1", connection)
        {
            Parameters = { new() { Value = sagaId.Value } },
        };
        object owner = (await ask.ExecuteScalarAsync())!;
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted);
        await using var take = new NpgsqlCommand(new Statements("saga_recovery").LockExclusively, connection, transaction)
        {
            Parameters = { new() { Value = owner } },
        };
        await take.ExecuteNonQueryAsync();
        await using var give = new NpgsqlCommand(
            "update saga_recovery.saga set current_coordinator = $2, adopt_generation = adopt_generation + 1 where id = $1", connection, transaction)
        {
            Parameters = { new() { Value = sagaId.Value }, new NpgsqlParameter<Guid?> { TypedValue = to?.Value } },
        };
        await give.ExecuteNonQueryAsync();
        await transaction.CommitAsync();
    }

    public override async Task<bool> CancelAsync(SagaId sagaId, SagaCancellation cancellation) =>
        await _services.GetRequiredService<ISagaOperations>().CancelAsync(sagaId, cancellation.Note, CancellationToken.None) is OperatorActionResult.Done;

    /// <summary>As a newer version might, which knows events that this one does not.</summary>
    public override async Task MakeUnreadableAsync(SagaId sagaId)
    {
        await using var damage = _dataSource.CreateCommand(
            $"""
            alter table saga_recovery.saga_node_event drop constraint saga_node_event_event_type_check;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values ('{sagaId}', 0, 'paused', '{Guid.Empty}');
            """);
        await damage.ExecuteNonQueryAsync();
    }

    /// <summary>As a fail-over to a standby that was behind: the row names the join before, made on another run of the server, or does not exist.</summary>
    public override async Task LoseLastJoinAsync(CoordinatorId coordinator)
    {
        await using var lose = _dataSource.CreateCommand(
            $$"""
            delete from saga_recovery.saga_coordinator where id = '{{coordinator}}' and predecessors = '{}';
            update saga_recovery.saga_coordinator
            set token = predecessors[1], predecessors = predecessors[2:], incarnation = incarnation - 1, server_start = 'epoch'
            where id = '{{coordinator}}';
            """);
        await lose.ExecuteNonQueryAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _dataSource.DisposeAsync();
        await base.DisposeAsync();
    }
}
