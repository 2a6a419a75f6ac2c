using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests;

public sealed class OperatorActionLogTests : IDisposable
{
    private static readonly SagaId Saga = SagaId.Parse("00000000-0000-0000-0000-000000000001");

    private readonly FakeTimeProvider _time = new();
    private readonly LogLines _lines = new();

    [Fact]
    public void Each_lever_is_told_once_with_who_and_why_wherever_it_was_pulled()
    {
        var log = NewLog();
        OperatorAction hold = Action(1, OperatorActionKind.Hold, Saga, new OperatorNote("ann", "broken disk"));
        OperatorAction pause = Action(2, OperatorActionKind.Pause, saga: null, new OperatorNote("bob", "migration"));

        log.Report([hold]);
        log.Report([hold, pause]);
        log.Report([hold, pause]);

        Told.Should().Equal(
            $"operator action hold on saga {Saga} by ann: broken disk",
            "operator action pause on recovery by bob: migration");
    }

    [Fact]
    public void A_lever_is_told_though_its_number_was_given_before_to_one_that_the_database_has_lost()
    {
        var log = NewLog();
        log.Report([Action(1, OperatorActionKind.Hold, Saga, new OperatorNote("ann", "broken disk")), Action(2, OperatorActionKind.Pause, saga: null, new OperatorNote("bob", "migration"))]);
        _time.Advance(TimeSpan.FromSeconds(1));

        log.Report([Action(1, OperatorActionKind.Pause, saga: null, new OperatorNote("cem", "after the fail-over"))]);

        Told.Should().HaveCount(3).And.Subject.Last().Should().Be("operator action pause on recovery by cem: after the fail-over");
    }

    [Fact]
    public void What_was_done_before_this_process_began_is_not_told_again()
    {
        OperatorAction before = Action(1, OperatorActionKind.Pause, saga: null, new OperatorNote("bob", "migration"));
        _time.Advance(TimeSpan.FromSeconds(1));
        var log = NewLog();

        log.Report([before]);

        Told.Should().BeEmpty();
    }

    [Fact]
    public void A_reason_forges_no_line()
    {
        NewLog().Report([Action(1, OperatorActionKind.Retry, Saga, new OperatorNote("ann\u001b[2J", "x\nFTL all is lost"))]);

        Told.Single().Should().EndWith("by ann [2J: x FTL all is lost");
    }

    public void Dispose() => _lines.Dispose();

    private IEnumerable<string> Told => _lines.Lines.Select(line => line.Message);

    private OperatorActionLog NewLog()
    {
        using var factory = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(_lines));
        return new OperatorActionLog(_time, factory.CreateLogger<OperatorActionLog>());
    }

    private OperatorAction Action(long number, OperatorActionKind kind, SagaId? saga, OperatorNote note) => new(number, _time.GetUtcNow(), kind, saga, note);
}
