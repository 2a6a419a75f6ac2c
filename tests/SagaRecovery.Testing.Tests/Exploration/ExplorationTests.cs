using System.Diagnostics;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>
/// Every interleaving within the bounds, on the real code. The number of states is part of the test: where it is not the same each time,
/// two states that differ count as one, and some were not visited.
/// </summary>
[Collection(Alone.Name)]
public sealed class ExplorationTests(ITestOutputHelper output)
{
    /// <summary>With the environment variable <c>EXPLORE=deep</c>, those that take minutes are included.</summary>
    public static TheoryData<string, int> Explorations
    {
        get
        {
            TheoryData<string, int> everyday = new()
            {
                { nameof(KnownBounds.ManyPasses), 786 },
                { nameof(KnownBounds.Faults), 20_134 },
                { nameof(KnownBounds.OneProcess), 44_745 },
                { nameof(KnownBounds.OneStart), 45_608 },
                { nameof(KnownBounds.TwoSagas), 69_290 },
                { nameof(KnownBounds.Losses), 31_547 },
                { nameof(KnownBounds.LossesAndCrash), 11_315 },
                { nameof(KnownBounds.Cancellations), 15_029 },
                { nameof(KnownBounds.CancellationsAndLosses), 17_253 },
                { nameof(KnownBounds.Transactions), 109_966 },
            };
            if (Environment.GetEnvironmentVariable("EXPLORE") == "deep")
            {
                everyday.Add(nameof(KnownBounds.Takeover), 84_280);
                everyday.Add(nameof(KnownBounds.TwoSagasAndSuccessor), 142_865);
                everyday.Add(nameof(KnownBounds.CancellationsInTwoPasses), 134_081);
                everyday.Add(nameof(KnownBounds.TwoSagasAndLostAnswers), 352_650);
                everyday.Add(nameof(KnownBounds.Model), 2_962_135);
            }

            return everyday;
        }
    }

    [Theory]
    [MemberData(nameof(Explorations))]
    public async Task No_interleaving_breaks_a_promise(string bounds, int states)
    {
        long began = Stopwatch.GetTimestamp();

        ExplorationResult result = await Explorer.ExploreAsync(KnownBounds.Get(bounds));

        output.WriteLine(FormattableString.Invariant($"{result} ({Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s)"));
        result.Counterexample.Should().BeNull();
        result.States.Should().Be(states);
    }
}
