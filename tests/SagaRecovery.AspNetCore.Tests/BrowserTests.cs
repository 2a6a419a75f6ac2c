using System.Net.Http.Json;
using Dapper;
using Npgsql;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The page in a headless Chromium, on the sample control plane as a process of its own. The assertions are in <c>browser/cases</c>.</summary>
[Collection(OnPostgres.Name)]
public sealed class BrowserTests(PostgresCluster postgres) : IAsyncLifetime
{
    private readonly Guid _coordinator = Guid.NewGuid();
    private string _database = "";
    private ServiceProcess _service = null!;

    private string Page => PageOf(_service);

    private static string PageOf(ServiceProcess service) => new Uri(service.Http.BaseAddress!, TestService.Prefix).ToString();

    public async ValueTask InitializeAsync()
    {
        _database = await postgres.NewDatabaseAsync();
        _service = await StartAsync();
        await _service.FirstPassAsync();
    }

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task Every_view_loads_without_an_error_and_shows_a_running_saga() =>
        await PlayAsync("loads", $"{await _service.StartDemoSagaAsync()}");

    [Fact]
    public async Task After_a_kill_and_a_restart_it_shows_by_itself_what_was_recovered()
    {
        Guid saga = await _service.StartDemoSagaAsync();
        await using var browser = new BrowserRun("updates", Page, $"{saga}");

        await browser.WaitForWordAsync("connected");
        string url = _service.Http.BaseAddress!.ToString();
        await _service.KillAsync();
        await browser.ContinueAsync();
        await browser.WaitForWordAsync("lost");
        await _service.DisposeAsync();
        _service = await StartAsync("--urls", url);
        await browser.ContinueAsync();

        await browser.EndsWellAsync();
    }

    [Fact]
    public async Task A_saga_is_held_and_released_with_a_reason_and_a_late_operator_action_returns_its_state()
    {
        Guid saga = await _service.StartDemoSagaAsync();
        await using var browser = new BrowserRun("actions", Page, $"{saga}");

        await browser.WaitForWordAsync("held");
        (await ActionsAsync()).Should().Equal("Hold ann a <b>look</b>");
        await browser.ContinueAsync();
        await browser.WaitForWordAsync("about to release");
        using var release = new HttpRequestMessage(HttpMethod.Post, $"{TestService.Prefix}/sagas/{saga}/release")
        {
            Headers = { Authorization = ServiceProcess.Operator },
            Content = JsonContent.Create(new { reason = "first" }),
        };
        (await _service.Http.SendAsync(release)).EnsureSuccessStatusCode();
        await browser.ContinueAsync();

        await browser.EndsWellAsync();
        (await ActionsAsync()).Should().Equal("Hold ann a <b>look</b>", "Release tester first", "Hold ann again", "Release ann go on");
    }

    [Fact]
    public async Task A_stuck_saga_offers_to_retry_or_skip_its_undo()
    {
        Guid saga = await _service.StartDemoSagaAsync();
        await QueryAsync<int>(
            """
            update saga_recovery.saga set state = 'stuck', adopt_generation = 2 where id = @saga;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select @saga, 0, e.type, e.data::json, s.creator from saga_recovery.saga s, (values
                ('succeeded', null), ('undo_started', null), ('undo_failed', '{"code":"closed","message":"its account is closed"}')) as e (type, data)
            where s.id = @saga
            """,
            new { saga });

        await PlayAsync("stuck", $"{saga}");

        (await ActionsAsync()).Should().Equal("SkipUndo ann refunded by hand (the undo of 'wait-for-release' had failed: closed: its account is closed)");
    }

    [Fact]
    public async Task An_operator_action_without_rights_names_what_is_missing_and_changes_nothing()
    {
        Guid saga = await _service.StartDemoSagaAsync();
        long passes = await PassesAsync();

        await PlayAsync("refused", $"{saga}");

        (await ActionsAsync()).Should().BeEmpty();
        (await QueryAsync<string>("select state from saga_recovery.saga where id = @saga", new { saga })).Should().Be("running");
        (await PassesAsync()).Should().Be(passes);
    }

    [Fact]
    public async Task A_sagas_nodes_are_drawn_with_their_states()
    {
        (await _service.CreateProjectAsync("alpha")).EnsureSuccessStatusCode();
        await PlayAsync("graph", await QueryAsync<string>("select id::text from saga_recovery.saga where name = 'project-create'"));
    }

    [Fact]
    public async Task Definitions_are_shown_with_the_answer_whether_they_may_be_deleted()
    {
        await _service.StartDemoSagaAsync();
        await AddAsync("withdrawn", 1, "running", shapes: 1);
        await AddAsync("withdrawn", 2, "stuck", shapes: 1);
        await AddAsync("disks", 1, "unwinding", shapes: 7);
        await using var browser = new BrowserRun("definitions", Page, $"{_coordinator}");

        await browser.WaitForWordAsync("seen");
        await QueryAsync<int>("update saga_recovery.saga set state = 'unwound' where name = 'withdrawn'; select 1");
        await browser.ContinueAsync();

        await browser.EndsWellAsync();
    }

    [Fact]
    public async Task Hostile_text_is_shown_as_text()
    {
        Guid saga = await _service.StartDemoSagaAsync();
        const string Hostile = "<img src=x onerror='window.ran=1;alert(1)'><script>window.ran=1</script>\u202egnp\u0007\u200b";
        await QueryAsync<int>(
            """
            update saga_recovery.saga set name = @long, params = to_json(@long::text) where id = @saga;
            insert into saga_recovery.saga_definition (hash, name, version, dag) values (sha256('hostile'), @long, 1, '{}');
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select @saga, 0, 'failed', json_build_object('code', @hostile, 'message', @long), creator from saga_recovery.saga where id = @saga;
            insert into saga_recovery.saga_hold (saga_id, actor, reason) values (@saga, @hostile, @hostile)
            """,
            new { saga, hostile = Hostile, @long = Hostile + new string('W', 1_000_000) });
        await _service.ActivateAsync();

        await PlayAsync("hostile", $"{saga}");
    }

    [Fact]
    public async Task The_keyboard_alone_is_enough() => await PlayAsync("keyboard", $"{await _service.StartDemoSagaAsync()}");

    [Theory]
    [InlineData("light", 1180)]
    [InlineData("light", 375)]
    [InlineData("dark", 1180)]
    [InlineData("dark", 375)]
    public async Task No_view_is_hard_to_use_with_an_impairment(string scheme, int width)
    {
        (await _service.CreateProjectAsync("alpha")).EnsureSuccessStatusCode();
        Guid project = await QueryAsync<Guid>("select id from saga_recovery.saga where name = 'project-create'");
        await QueryAsync<int>(EveryKind.Insert);
        await _service.ActivateAsync();

        await PlayAsync("accessibility", [scheme, $"{width}", $"{await _service.StartDemoSagaAsync()}", $"{project}", .. EveryKind.All.Select(id => $"{id}")]);
    }

    [Fact]
    public async Task An_unwinding_saga_says_why_and_how_far_and_shows_its_30_parallel_nodes()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await PlayAsync("unwinding", $"{EveryKind.Unwinding}");
    }

    [Fact]
    public async Task The_graphs_of_100_nodes_and_of_nested_subsagas_can_be_read()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await PlayAsync("large", $"{EveryKind.Long}", $"{EveryKind.Nested}");
    }

    [Fact]
    public async Task Sixty_parallel_nodes_leave_the_actions_in_sight_and_their_names_readable_and_the_timeline_runs_to_now()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await PlayAsync("racks", $"{EveryKind.Racks}");
    }

    [Fact]
    public async Task An_address_without_a_view_says_so() => await PlayAsync("addresses");

    [Fact]
    public async Task An_old_number_says_its_age_and_what_is_not_known_is_no_zero()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await PlayAsync("stale", $"{EveryKind.Stuck}");
    }

    [Fact]
    public async Task What_waits_for_an_operator_is_first_and_only_what_runs_is_called_running()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await using ServiceProcess second = await ServiceProcess.StartAsync(_database, Guid.NewGuid(), "--SagaRecovery:Executor:MaxRunningSagas=1");
        await second.FirstPassAsync();
        Guid[] kinds = [EveryKind.Stuck, EveryKind.Abandoned, EveryKind.Held, EveryKind.Unowned, EveryKind.OwnerDown, EveryKind.Cancelled];
        Guid[] two = [await second.StartDemoSagaAsync(), await second.StartDemoSagaAsync()];
        await using var browser = new BrowserRun("attention", [PageOf(second), .. kinds.Concat(two).Select(id => $"{id}")]);
        await browser.EndsWellAsync();
    }

    [Fact]
    public async Task One_search_box_finds_what_any_id_identifies()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await PlayAsync("search", $"{EveryKind.Unwinding}", "c0000000-0000-4000-8000-0000000000e1", $"{await _service.StartDemoSagaAsync()}");
    }

    [Fact]
    public async Task An_incident_is_printed_as_a_whole_and_saved_as_text()
    {
        await QueryAsync<int>(EveryKind.Insert);
        await PlayAsync("print", $"{EveryKind.Unwinding}");
    }

    [Fact]
    public async Task It_fits_a_phone()
    {
        await OrphanAsync(await _service.StartDemoSagaAsync(), Guid.NewGuid());
        await PlayAsync("phone", $"{await _service.StartDemoSagaAsync()}");
    }

    [Fact]
    public async Task Coordinators_orphans_and_sagas_of_down_owners_are_shown_and_reassigned_and_the_process_is_drained()
    {
        (Guid dead, Guid stranger, Guid other) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        await QueryAsync<int>(CoordinatorRows.InsertDead, new { dead });
        Guid[] sagas = [await _service.StartDemoSagaAsync(), await _service.StartDemoSagaAsync(), await _service.StartDemoSagaAsync()];
        await OrphanAsync(sagas[0], dead);
        await OrphanAsync(sagas[1], stranger);
        await OrphanAsync(sagas[2], owner: null);
        await using ServiceProcess second = await ServiceProcess.StartAsync(_database, other);
        await second.FirstPassAsync();
        await using var browser = new BrowserRun("coordinators", Page, $"{dead}", $"{stranger}", $"{other}");

        await browser.WaitForWordAsync("seen");
        await browser.ContinueAsync();
        await browser.EndsWellAsync();

        (await QueryAsync<long>("select count(*) from saga_recovery.saga where current_coordinator = @other", new { other })).Should().Be(3);
        (await ActionsAsync()).Should().StartWith(
            [$"Reassign ann its node burnt (to {string.Join(", ", new[] { _coordinator, other }.Order())})", $"Reassign ann lost and found (to {other})", $"Reassign ann lost and found (to {other})"]);
    }

    [Fact]
    public async Task Actions_on_many_need_a_filter_and_show_it_with_the_sagas_that_they_concern()
    {
        Guid dead = Guid.NewGuid();
        await QueryAsync<int>(CoordinatorRows.InsertDead, new { dead });
        Guid[] sagas = [await _service.StartDemoSagaAsync(), await _service.StartDemoSagaAsync(), await _service.StartDemoSagaAsync()];
        await QueryAsync<int>(
            """
            insert into saga_recovery.saga_tag (saga_id, name, value, time_created) select id, 'tenant', '7', time_created from saga_recovery.saga where id = any (@held);
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, time_created)
            select gen_random_uuid(), s.name, s.creator, s.definition_hash, s.params, case n when 1 then 'stuck' else 'running' end, s.time_created - interval '1 hour'
            from saga_recovery.saga s, generate_series(1, 60) n where s.id = @orphan;
            update saga_recovery.saga set current_coordinator = @dead, adopt_generation = adopt_generation + 1 where id = @orphan;
            select 1
            """,
            new { held = sagas[..2], orphan = sagas[2], dead });

        await PlayAsync("batch", $"{sagas[0]}", $"{sagas[1]}", $"{sagas[2]}", $"{dead}", $"{_coordinator}");

        (await QueryAsync<string>("select string_agg(distinct format('%s %s %s', action, actor, reason), ', ' order by format('%s %s %s', action, actor, reason)) from saga_recovery.saga_operator_action"))
            .Should().Be("hold ann INC-481, reassign ann its node burnt, release ann INC-481 is fixed");
        (await QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action where action = 'release'")).Should().Be(2);
        (await QueryAsync<Guid>("select current_coordinator from saga_recovery.saga where id = @orphan", new { orphan = sagas[2] })).Should().Be(_coordinator);
        (await QueryAsync<long>("select count(*) from saga_recovery.saga where current_coordinator is null")).Should().Be(60, "no action was about them");
    }

    private async Task PlayAsync(string scene, params IReadOnlyList<string> given)
    {
        await using var browser = new BrowserRun(scene, [Page, .. given]);
        await browser.EndsWellAsync();
    }

    private Task<ServiceProcess> StartAsync(params IReadOnlyList<string> settings) =>
        ServiceProcess.StartAsync(_database, _coordinator, [.. settings, "--SagaRecovery:StalledCheckPeriod=00:00:00.500"]);

    /// <summary>Gives a saga another owner, or none.</summary>
    private Task<int> OrphanAsync(Guid saga, Guid? owner) => QueryAsync<int>(
        "update saga_recovery.saga set current_coordinator = @owner, adopt_generation = adopt_generation + 1 where id = @saga", new { saga, owner });

    private async Task<IReadOnlyList<string>> ActionsAsync() =>
        [.. (await _service.StatusAsync()).GetProperty("recentActions").EnumerateArray().Select(action =>
            $"{action.GetProperty("kind")} {action.GetProperty("note").GetProperty("actor")} {action.GetProperty("note").GetProperty("reason")}")];

    private async Task<long> PassesAsync() => (await _service.StatusAsync()).GetProperty("totals").GetProperty("passes").GetInt64();

    private async Task<T> QueryAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection(_database);
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    /// <summary>Inserts a saga for each of some shapes.</summary>
    private Task<int> AddAsync(string name, int version, string state, int shapes) => QueryAsync<int>(
        """
        with defined as (
            insert into saga_recovery.saga_definition (hash, name, version, dag)
            select sha256(convert_to(concat_ws(' ', @name, @version, i), 'UTF8')), @name, @version, '{}' from generate_series(1, @shapes) as i returning hash
        )
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, state)
        select gen_random_uuid(), @name, gen_random_uuid(), hash, '{}', @state from defined;
        select 1
        """,
        new { name, version, state, shapes });
}
