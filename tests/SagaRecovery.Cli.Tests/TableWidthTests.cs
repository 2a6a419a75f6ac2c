using System.Text.Json;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Cli.Output;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Tests;

/// <summary>On a terminal a table fits into its width; elsewhere it is whole.</summary>
public sealed class TableWidthTests
{
    private const int Usual = 80;

    private static readonly DateTimeOffset s_now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
    private static readonly CoordinatorId s_owner = new(Guid.Parse("0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11"));

    [Theory]
    [InlineData(Usual)]
    [InlineData(100)]
    [InlineData(132)]
    [InlineData(200)]
    public async Task A_list_of_sagas_fits_the_terminal_with_the_name_first_and_whole_ids(int width)
    {
        SagaSummary[] sagas = [Saga("project-create"), Saga(new string('n', 150)) with { State = SagaState.Stuck, ErrorCode = "card_declined", FailedNode = "charge" }];

        string[] lines = await ListAsync(sagas, width);

        lines.Should().HaveCount(3).And.OnlyContain(line => line.Length <= width);
        lines[0].Should().MatchRegex("^NAME +ID +STATE ");
        lines[1].Should().StartWith("project-create ").And.Contain($"  {sagas[0].Id}  running ");
        lines[2].Should().Contain($"…  {sagas[1].Id}  stuck ");
    }

    [Fact]
    public async Task On_the_usual_terminal_a_time_is_an_age_and_what_says_nothing_is_left_out() =>
        (await ListAsync([Saga("demo"), Saga("project-create")], Usual)).Should().Equal(
            "NAME            ID                                    STATE    CREATED",
            $"demo            {SagaIdOf("demo")}  running  30m ago",
            $"project-create  {SagaIdOf("project-create")}  running  30m ago");

    [Fact]
    public async Task Names_of_wide_letters_take_their_places_on_the_terminal() =>
        (await ListAsync([Saga(string.Concat(Enumerable.Repeat("保存", 20)))], Usual))[1].Should().StartWith("保存保存保存").And.Match(line => Sheet.WidthOf(line) <= Usual);

    [Fact]
    public async Task Without_a_terminal_a_table_has_all_columns_and_nothing_is_cut_off()
    {
        SagaSummary saga = Saga(new string('n', 150)) with { ErrorCode = "card_declined", FailedNode = "charge" };

        string[] lines = await ListAsync([saga], width: null);

        lines[0].Should().MatchRegex("^NAME +ID +STATE +CREATED +HELD +ERROR +FAILED_NODE +OWNER +GENERATION$");
        lines[1].Should().MatchRegex($"^n{{150}} +{saga.Id} +running +2026-11-30T11:30:00Z +- +card_declined +charge +{s_owner} +1$");
    }

    [Fact]
    public void Columns_give_way_in_their_order_and_the_widest_text_is_cut_off_first()
    {
        ColumnSize name = new(Whole: 40, Short: null, Least: 10, LeftOut: null, IsEmpty: false);
        ColumnSize id = new(Whole: 36, Short: null, Least: null, LeftOut: null, IsEmpty: false);
        ColumnSize created = new(Whole: 20, Short: 7, Least: null, LeftOut: 1, IsEmpty: false);
        ColumnSize held = new(Whole: 4, Short: null, Least: null, LeftOut: 2, IsEmpty: true);
        ColumnSize owner = new(Whole: 36, Short: null, Least: null, LeftOut: 0, IsEmpty: false);
        ColumnSize error = new(Whole: 30, Short: null, Least: 10, LeftOut: 3, IsEmpty: false);
        ColumnSize[] all = [name, id, created, held, owner, error];

        SheetLayout.Fit(all, 176).Should().Equal([40, 36, 20, 4, 36, 30], "all fit");
        SheetLayout.Fit(all, 175).Should().Equal([40, 36, 20, null, 36, 30], "the empty column is left out");
        SheetLayout.Fit(all, 169).Should().Equal([40, 36, 7, null, 36, 30], "the time is short");
        SheetLayout.Fit(all, 147).Should().Equal([30, 36, 7, null, 36, 30], "the widest text is cut off");
        SheetLayout.Fit(all, 106).Should().Equal([28, 36, 7, null, null, 29], "the owner is left out where even the narrowest texts need its room");
        SheetLayout.Fit(all, 80).Should().Equal([15, 36, 7, null, null, 16], "both are cut off");
        SheetLayout.Fit(all, 48).Should().Equal([10, 36, null, null, null, null], "the name and the id stay");
        SheetLayout.Fit(all, 20).Should().Equal([10, 36, null, null, null, null], "and are not cut off further");
    }

    [Fact]
    public async Task A_pause_is_seen_on_the_usual_terminal()
    {
        CoordinatorDetails[] coordinators =
        [
            new(s_owner, new Incarnation(123), "a-host-with-a-long-name.example.net", 4711, s_now, TimeSpan.FromSeconds(3), HasShutDown: false, Paused: null, InProgress: 100_000),
            new(new CoordinatorId(Guid.NewGuid()), new Incarnation(9), "db-7", 12, s_now, TimeSpan.FromHours(3), HasShutDown: true, new RecoveryPause(s_now, new OperatorNote("ann", "INC-481")), InProgress: 7)
            {
                State = CoordinatorState.Draining,
                Version = "1.2.3",
            },
        ];
        await using var service = new CannedService(
            CannedService.Answer("200 OK", JsonSerializer.Serialize(coordinators, RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails), "application/json"));

        string[] lines = (await ToolRun.OfAsync(new ToolStage { Width = Usual, Time = new FixedTime() }, "coordinators", "list", "--url", service.Url)).ShouldBeDone().Lines;

        lines.Should().HaveCount(3).And.OnlyContain(line => line.Length <= Usual);
        lines[0].Should().MatchRegex("^HOST +COORDINATOR +STATE +PROCESS +PAUSED");
        lines[1].Should().MatchRegex($"…  {s_owner}  active +answers +-");
        lines[2].Should().MatchRegex($"^db-7 +{coordinators[1].Id}  draining +shut down +paused");
    }

    private static async Task<string[]> ListAsync(SagaSummary[] sagas, int? width)
    {
        await using var service = new CannedService(
            CannedService.Answer("200 OK", JsonSerializer.Serialize(sagas, RecoveryReportJson.Default.IReadOnlyListSagaSummary), "application/json"));
        var stage = new ToolStage { Width = width, Time = new FixedTime() };
        return (await ToolRun.OfAsync(stage, "sagas", "list", "--url", service.Url)).ShouldBeDone().Lines;
    }

    private static SagaSummary Saga(string name) =>
        new(SagaIdOf(name), name, SagaState.Running, s_owner, AdoptGeneration.Initial, s_now - TimeSpan.FromMinutes(30), IsHeld: false);

    private static SagaId SagaIdOf(string name) => SagaId.Parse($"0199c1d2-5a3b-7c4d-8e5f-{name.Length:D12}");

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => s_now;
    }
}
