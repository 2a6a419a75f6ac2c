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
                { nameof(KnownBounds.Faults), 18_852 },
                { nameof(KnownBounds.OneProcess), 44_724 },
                { nameof(KnownBounds.OneStart), 45_245 },
                { nameof(KnownBounds.TwoSagas), 69_290 },
                { nameof(KnownBounds.Losses), 30_111 },
                { nameof(KnownBounds.LossesAndCrash), 11_209 },
                { nameof(KnownBounds.Cancellations), 15_029 },
                { nameof(KnownBounds.CancellationsAndLosses), 16_435 },
                { nameof(KnownBounds.Transactions), 107_284 },
            };
            if (Environment.GetEnvironmentVariable("EXPLORE") == "deep")
            {
                everyday.Add(nameof(KnownBounds.Takeover), 83_570);
                everyday.Add(nameof(KnownBounds.TwoSagasAndSuccessor), 142_865);
                everyday.Add(nameof(KnownBounds.CancellationsInTwoPasses), 133_092);
                everyday.Add(nameof(KnownBounds.TwoSagasAndLostAnswers), 352_302);
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
