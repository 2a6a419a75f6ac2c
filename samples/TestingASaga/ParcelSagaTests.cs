// Shows the tests that a saga deserves: IdempotencyCheck repeats, fails and undoes every step, and names the step that breaks a duty.
// Nothing here needs a database.
// Run them: dotnet test samples/TestingASaga
using FluentAssertions;
using SagaRecovery.Testing.Idempotency;
using Xunit;

namespace TestingASaga;

public sealed class ParcelSagaTests
{
    private static readonly Parcel s_parcel = new("Quay 3", Grams: 500);

    [Fact]
    public async Task Every_step_can_be_repeated_and_taken_back()
    {
        var depot = new MemoryDepot();
        IdempotencyReport report = await new IdempotencyCheck<Parcel>
        {
            Saga = new ParcelSaga(depot),
            Parameters = s_parcel,
            State = _ => Task.FromResult(depot.Things.Select(thing => $"{thing.Key}: {thing.Value}")), // without times
            Reset = _ =>
            {
                depot.Things.Clear();
                return Task.CompletedTask;
            },
        }.RunAsync();

        report.ThrowIfFaulty();
    }

    [Fact]
    public async Task A_step_that_does_not_use_its_idempotency_key_is_found()
    {
        var depot = new ForgetfulDepot();
        IdempotencyReport report = await new IdempotencyCheck<Parcel>
        {
            Saga = new ParcelSaga(depot),
            Parameters = s_parcel,
            State = _ => Task.FromResult<IEnumerable<string>>(depot.Things),
            Reset = _ =>
            {
                depot.Things.Clear();
                return Task.CompletedTask;
            },
        }.RunAsync();

        report.Faults.Should().Contain(fault => fault.Kind == IdempotencyFaultKind.ActionNotIdempotent && fault.Nodes.Contains("store"));
        report.Faults.Should().Contain(fault => fault.Kind == IdempotencyFaultKind.LeftBehind && fault.Nodes.Contains("store"));
    }
}
