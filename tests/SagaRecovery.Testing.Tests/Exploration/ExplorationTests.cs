using System.Diagnostics;
using Xunit.Abstractions;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>Every interleaving within the bounds, on the real code.</summary>
[Collection(Alone.Name)]
public sealed class ExplorationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(nameof(KnownBounds.ManyPasses))]
    [InlineData(nameof(KnownBounds.Faults))]
    [InlineData(nameof(KnownBounds.TwoSagas))]
    [InlineData(nameof(KnownBounds.TwoSagasAndSuccessor))]
    [InlineData(nameof(KnownBounds.OneSaga))]
    public async Task No_interleaving_breaks_a_promise(string bounds)
    {
        long began = Stopwatch.GetTimestamp();

        ExplorationResult result = await Explorer.ExploreAsync(KnownBounds.Get(bounds));

        output.WriteLine(FormattableString.Invariant($"{result} ({Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s)"));
        result.Counterexample.Should().BeNull();
    }
}
