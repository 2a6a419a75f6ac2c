using FsCheck;
using FsCheck.Fluent;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>
/// Random long histories of the same world, far beyond what can be explored: more sagas, starts, processes, faults. The promises are
/// checked after each move, and at the end everything is compared with the database. A history that fails is printed with its seed, and
/// shrunk to a short one.
/// </summary>
[Collection(Alone.Name)]
public sealed class HistoryTests
{
    private const int Histories = 300;
    private const int Moves = 400;
    private const int Sagas = 8;
    private const int StartsOfEach = 4;

    private static readonly Bounds Bounds = new()
    {
        Name = "long histories",
        Starts = [.. Enumerable.Range(0, Sagas).SelectMany(saga => Enumerable.Repeat(saga, StartsOfEach))],
        Passes = Moves,
        Reassignments = 6,
        Successors = 5,
        SuccessorsStart = true,
        LostAnswers = true,
        Faults = 12,
        Interruptions = 12,
        Triggers = Moves,
        Cancellations = 6,
        PageSize = 2,
    };

    [Fact]
    public Task No_long_history_breaks_a_promise() => Task.Run(() => // away from the synchronization context, as in Explorer
    {
        Gen<int[]> choices = Gen.Choose(0, int.MaxValue - 1).ArrayOf(Moves);
        Arbitrary<int[]> histories = Arb.From(choices, Shorter);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Histories), Prop.ForAll(histories, Walk));
    });

    /// <summary>At each step, one number chooses the next move.</summary>
    private static void Walk(int[] choices)
    {
        var world = new World(Bounds);
        List<string> steps = [];
        try
        {
            foreach (int choice in choices)
            {
                List<Move> moves = world.Moves();
                Move move = moves[choice % moves.Count];
                steps.Add(world.Describe(move));
                world.Make(move);
            }

            steps.Add("everything that is under way ends");
            world.Settle();
        }
        catch (Violation violation)
        {
            throw new InvalidOperationException(new Counterexample(violation, steps).ToString(), violation);
        }
    }

    /// <summary>The same history without some part of it.</summary>
    private static IEnumerable<int[]> Shorter(int[] choices)
    {
        for (int length = choices.Length / 2; length > 0; length /= 2)
        {
            for (int from = 0; from + length <= choices.Length; from += length)
            {
                yield return [.. choices[..from], .. choices[(from + length)..]];
            }
        }
    }
}
