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
    public void Each_operator_action_is_logged_once_with_actor_and_reason_wherever_it_was_run()
    {
        var log = NewLog();
        OperatorAction hold = Action(1, OperatorActionKind.Hold, Saga, new OperatorNote("ann", "broken disk"));
        OperatorAction pause = Action(2, OperatorActionKind.Pause, saga: null, new OperatorNote("bob", "migration"));

        log.Report([hold]);
        log.Report([hold, pause]);
        log.Report([hold, pause]);

        Logged.Should().Equal(
            $"operator action hold on saga {Saga} by ann: broken disk",
            "operator action pause on recovery by bob: migration");
    }

    [Fact]
    public void An_operator_action_is_logged_although_a_lost_one_had_its_number()
    {
        var log = NewLog();
        log.Report([Action(1, OperatorActionKind.Hold, Saga, new OperatorNote("ann", "broken disk")), Action(2, OperatorActionKind.Pause, saga: null, new OperatorNote("bob", "migration"))]);
        _time.Advance(TimeSpan.FromSeconds(1));

        log.Report([Action(1, OperatorActionKind.Pause, saga: null, new OperatorNote("cem", "after the fail-over"))]);

        Logged.Should().HaveCount(3).And.Subject.Last().Should().Be("operator action pause on recovery by cem: after the fail-over");
    }

    [Fact]
    public void Operator_actions_from_before_this_process_are_not_logged_again()
    {
        OperatorAction before = Action(1, OperatorActionKind.Pause, saga: null, new OperatorNote("bob", "migration"));
        _time.Advance(TimeSpan.FromSeconds(1));
        var log = NewLog();

        log.Report([before]);

        Logged.Should().BeEmpty();
    }

    [Fact]
    public void A_reason_forges_no_line()
    {
        NewLog().Report([Action(1, OperatorActionKind.Retry, Saga, new OperatorNote("ann\u001b[2J", "x\nFTL all is lost"))]);

        Logged.Single().Should().EndWith("by ann [2J: x FTL all is lost");
    }

    public void Dispose() => _lines.Dispose();

    private IEnumerable<string> Logged => _lines.Lines.Select(line => line.Message);

    private OperatorActionLog NewLog()
    {
        using var factory = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(_lines));
        return new OperatorActionLog(_time, factory.CreateLogger<OperatorActionLog>());
    }

    private OperatorAction Action(long number, OperatorActionKind kind, SagaId? saga, OperatorNote note) => new(number, _time.GetUtcNow(), kind, saga, note);
}
