using ControlPlane.Database;
using ControlPlane.DemoSagas;
using ControlPlane.Projects;
using Dapper;
using EmbeddedPostgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using SagaRecovery.Testing.Idempotency;

namespace SagaRecovery.Testing.Tests.Idempotency;

/// <summary>The sagas of the sample, on a real Postgres.</summary>
public sealed class SampleSagaTests(SampleSagaTests.Cluster cluster) : IClassFixture<SampleSagaTests.Cluster>, IAsyncLifetime
{
    private const string AllRows =
        """
        select 'project ' || (to_jsonb(project) - 'time_created')::text from control_plane.project
        union all select 'vpc ' || to_jsonb(vpc)::text from control_plane.vpc
        union all select 'router ' || to_jsonb(vpc_router)::text from control_plane.vpc_router
        union all select 'route ' || to_jsonb(router_route)::text from control_plane.router_route
        union all select 'subnet ' || to_jsonb(vpc_subnet)::text from control_plane.vpc_subnet
        union all select 'rule ' || to_jsonb(vpc_firewall_rule)::text from control_plane.vpc_firewall_rule
        union all select concat('demo saga ', saga_id, ' released: ', time_released is not null) from control_plane.demo_saga
        """;

    /// <summary>Without the ids and what derives from them: a transactional node makes new ones in each run.</summary>
    private const string AllRowsWithoutIds =
        """
        select 'project ' || (to_jsonb(project) - 'time_created' - 'id')::text from control_plane.project
        union all
        select concat_ws(' ', project.name, (to_jsonb(vpc) - array['id', 'project_id', 'ipv6_prefix'])::text, vpc_router.name, router_route.name,
            router_route.destination, vpc_subnet.ipv4_block, vpc_firewall_rule.name)
        from control_plane.vpc
        left join control_plane.project on project.id = vpc.project_id
        left join control_plane.vpc_router on vpc_router.vpc_id = vpc.id
        left join control_plane.router_route on router_route.router_id = vpc_router.id
        left join control_plane.vpc_subnet on vpc_subnet.vpc_id = vpc.id
        left join control_plane.vpc_firewall_rule on vpc_firewall_rule.vpc_id = vpc.id
        """;

    private static readonly SagaId Id = SagaId.Parse("0190a000-0000-7000-8000-000000000001");

    private NpgsqlDataSource _source = null!;
    private ControlPlaneDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _source = NpgsqlDataSource.Create(await cluster.Server.NewDatabaseAsync());
        _database = new ControlPlaneDatabase(_source);
        using var schema = new SchemaService(_source, TimeProvider.System, NullLogger<SchemaService>.Instance);
        await schema.StartAsync(CancellationToken.None);
        await schema.Ready.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync() => await _source.DisposeAsync();

    [Fact]
    public async Task Project_create_keeps_its_promises()
    {
        IdempotencyReport report = await CheckOf(
            new ProjectCreateSaga(new VpcCreateSaga()),
            new ProjectCreateParameters("new", "made by a test", ["a"]),
            connection => MakeProjectAsync(connection, "another's", firstId: 100),
            AllRowsWithoutIds).RunAsync();

        report.ThrowIfFaulty();
        report.UndosNeverRun.Should().BeEmpty();
        report.Runs.Should().HaveCount(2 + 10 + 10 + 9 + 8);
    }

    [Fact]
    public async Task Project_delete_keeps_its_promises()
    {
        IdempotencyReport report = await CheckOf(
            new ProjectDeleteSaga(),
            new ProjectDeleteParameters("doomed"),
            async connection =>
            {
                await MakeProjectAsync(connection, "another's", firstId: 100);
                await MakeProjectAsync(connection, "doomed", firstId: 200);
            }).RunAsync();

        report.ThrowIfFaulty();
        report.UndosNeverRun.Should().BeEmpty();
    }

    [Fact]
    public async Task Demo_keeps_its_promises_once_it_is_released()
    {
        IdempotencyReport report = await CheckOf(
            new DemoSaga(new DemoReleases(_database)),
            new DemoParameters(),
            connection => connection.ExecuteAsync(
                "insert into control_plane.demo_saga (saga_id, time_released) values (@id, now())", new { id = Id.Value })).RunAsync();

        report.ThrowIfFaulty();
        report.Runs.Should().HaveCount(4);
    }

    [Fact]
    public async Task Demo_slow_keeps_its_promises()
    {
        IdempotencyReport report = await CheckOf(
            new SlowSaga(TimeProvider.System), new SlowParameters(StepMilliseconds: 0, Fails: false), _ => Task.CompletedTask).RunAsync();

        report.ThrowIfFaulty();
    }

    [Fact]
    public async Task A_delete_that_does_not_restore_everything_is_found()
    {
        IdempotencyCheck<ProjectDeleteParameters> check = CheckOf(
            new ProjectDeleteSaga(),
            new ProjectDeleteParameters("doomed"),
            async connection =>
            {
                await MakeProjectAsync(connection, "doomed", firstId: 200);
                await connection.ExecuteAsync(
                    """
                    create or replace rule forgetful as on insert to control_plane.vpc_subnet
                    where new.id = '00000000-0000-0000-0000-000000000204' and (select state from control_plane.project) = 'deleting'
                    do instead nothing
                    """);
            });

        IdempotencyReport report = await check.RunAsync();

        IdempotencyFault fault = report.Faults.Should().ContainSingle(report.ToString()).Which;
        fault.Kind.Should().Be(IdempotencyFaultKind.LeftBehind);
        fault.Nodes.Should().Equal("subnets");
        fault.Evidence.Should().ContainSingle().Which.Should().StartWith("- subnet {");
    }

    private IdempotencyCheck<TParameters> CheckOf<TParameters>(
        Saga<TParameters> saga, TParameters parameters, Func<NpgsqlConnection, Task> prepare, string state = AllRows) => new()
    {
        Saga = saga,
        Parameters = parameters,
        SagaId = Id,
        OpenConnection = async token => await _source.OpenConnectionAsync(token),
        State = token => _database.RunAsync(connection => connection.QueryAsync<string>(state), token),
        Reset = token => _database.RunAsync(
            async connection =>
            {
                await connection.ExecuteAsync("truncate control_plane.project, control_plane.demo_saga cascade");
                await prepare(connection);
                return 0;
            },
            token),
    };

    private static async Task MakeProjectAsync(NpgsqlConnection connection, string name, int firstId)
    {
        CancellationToken none = CancellationToken.None;
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        await transaction.ClaimNameAsync(Row(0), name, "there before", zones: 0, none);
        await transaction.InsertAsync(new Vpc(Row(1), Row(0), "default", "fd00::/48"), none);
        await transaction.InsertAsync(new Router(Row(2), Row(1), "system"), none);
        await transaction.InsertAsync(new Route(Row(3), Row(2), Route.DefaultV4, "0.0.0.0/0", "internet-gateway:default"), none);
        await transaction.InsertAsync(new Route(Row(5), Row(2), Route.DefaultV6, "::/0", "internet-gateway:default"), none);
        await transaction.InsertAsync(new Subnet(Row(4), Row(1), "default", "172.30.0.0/22", "fd00::/64"), none);
        await transaction.InsertAsync(FirewallRule.DefaultsOf(Row(1)), none);
        await transaction.PublishAsync(Row(0), none);
        await transaction.CommitAsync();

        Guid Row(int id) => Guid.Parse($"00000000-0000-0000-0000-{firstId + id:d12}");
    }

    /// <summary>One server for all tests of this class; each takes a database of its own.</summary>
    public sealed class Cluster : IAsyncLifetime
    {
        internal ThrowawayCluster Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await ThrowawayCluster.StartAsync();

        public async ValueTask DisposeAsync() => await Server.DisposeAsync();
    }
}
