using ControlPlane.Projects;
using ControlPlane.Tests.Support;
using SagaRecovery;

namespace ControlPlane.Tests;

public sealed class ProjectSagaTests(PostgresCluster postgres) : DatabaseTests(postgres)
{
    private static readonly string[] CreateNodes =
    [
        "project", "network", "network/vpc", "network/router", "network/route-v4", "network/route-v6", "network/subnet", "network/firewall-rules",
        "subnet-a", "subnet-b", "publish",
    ];

    private static readonly string[] DeleteNodes = ["claim", "firewall-rules", "subnets", "route-v4", "route-v6", "router", "vpc", "project"];

    private SagaHost _host = null!;

    public static TheoryData<string> NodesOfCreate => [.. CreateNodes];

    public static TheoryData<string> NodesOfDelete => [.. DeleteNodes];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await SagaHost.StartAsync(Database, CoordinatorId);
    }

    public override async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await base.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(NodesOfCreate))]
    public async Task A_create_that_fails_at_any_node_leaves_nothing_behind(string node)
    {
        SagaResult result = await CreateAsync("doomed", new SagaInjections().FailAction(node));

        result.Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be(node);
        (await Ledger.RowsAsync()).Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(NodesOfCreate))]
    public async Task A_create_that_fails_with_every_action_and_undo_run_twice_leaves_nothing_behind(string node)
    {
        SagaInjections inject = Twice(CreateNodes).FailAction(node);

        (await CreateAsync("doomed", inject)).Should().BeOfType<SagaResult.Unwound>();

        (await Ledger.RowsAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task A_create_with_every_action_run_twice_makes_one_whole_project()
    {
        (await CreateAsync("twice", Twice(CreateNodes))).Should().BeOfType<SagaResult.Succeeded>();

        (await Ledger.WholeProjectsAsync()).Should().Equal("twice");
        (await Ledger.ProjectsAsync()).Should().Be(1);
    }

    [Fact]
    public async Task A_create_of_a_taken_name_fails_and_does_not_touch_the_project_that_has_it()
    {
        await CreateAsync("taken");
        IReadOnlyList<string> before = await Ledger.RowsAsync();

        SagaResult result = await CreateAsync("taken", Twice(CreateNodes));

        result.Should().BeOfType<SagaResult.Unwound>().Which.Error.Code.Should().Be(ProjectCreateSaga.NameTaken);
        (await Ledger.RowsAsync()).Should().Equal(before);
    }

    [Fact]
    public async Task A_name_is_free_again_once_its_create_was_undone()
    {
        await CreateAsync("again", new SagaInjections().FailAction("publish"));

        (await CreateAsync("again")).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Theory]
    [MemberData(nameof(NodesOfDelete))]
    public async Task A_delete_that_fails_at_any_node_leaves_the_project_as_it_was(string node)
    {
        await CreateAsync("kept");
        IReadOnlyList<string> before = await Ledger.RowsAsync();

        SagaResult result = await DeleteAsync("kept", new SagaInjections().FailAction(node));

        result.Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be(node);
        (await Ledger.RowsAsync()).Should().Equal(before);
    }

    [Theory]
    [MemberData(nameof(NodesOfDelete))]
    public async Task A_delete_that_fails_with_every_action_and_undo_run_twice_leaves_the_project_as_it_was(string node)
    {
        await CreateAsync("kept");
        IReadOnlyList<string> before = await Ledger.RowsAsync();

        (await DeleteAsync("kept", Twice(DeleteNodes).FailAction(node))).Should().BeOfType<SagaResult.Unwound>();

        (await Ledger.RowsAsync()).Should().Equal(before);
    }

    [Fact]
    public async Task A_delete_with_every_action_run_twice_removes_the_whole_project_and_no_other()
    {
        await CreateAsync("other");
        IReadOnlyList<string> others = await Ledger.RowsAsync();
        await CreateAsync("doomed");

        (await DeleteAsync("doomed", Twice(DeleteNodes))).Should().BeOfType<SagaResult.Succeeded>();

        (await Ledger.RowsAsync()).Should().Equal(others);
    }

    [Fact]
    public async Task Of_several_deletes_of_one_project_one_wins()
    {
        await CreateAsync("doomed");

        SagaResult[] results = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => DeleteAsync("doomed")));

        results.OfType<SagaResult.Succeeded>().Should().ContainSingle();
        results.OfType<SagaResult.Unwound>().Should().HaveCount(4).And.OnlyContain(lost => lost.Error.Code == ProjectDeleteSaga.NotFound);
        (await Ledger.RowsAsync()).Should().BeEmpty();
    }

    private Task<SagaResult> CreateAsync(string name, SagaInjections? inject = null) =>
        _host.RunAsync(_host.Create, new ProjectCreateParameters(name, "made by a test", ["a", "b"]), inject);

    private Task<SagaResult> DeleteAsync(string name, SagaInjections? inject = null) =>
        _host.RunAsync(_host.Delete, new ProjectDeleteParameters(name), inject);

    private static SagaInjections Twice(string[] nodes) =>
        nodes.Aggregate(new SagaInjections(), (inject, node) => inject.Repeat(node, action: 2, undo: 2));
}
