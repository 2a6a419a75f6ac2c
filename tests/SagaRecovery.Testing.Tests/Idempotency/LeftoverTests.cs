using SagaRecovery.Testing.Idempotency;

namespace SagaRecovery.Testing.Tests.Idempotency;

/// <summary>The nodes to blame for leftovers, decided from the nodes and leftovers of each run.</summary>
public sealed class LeftoverTests
{
    [Fact]
    public void An_unwinding_without_leftovers_blames_no_node() => Leftover.Of([Run("", ""), Run("0", ""), Run("0 1", "")]).Should().BeEmpty();

    [Fact]
    public void Only_what_a_run_did_that_left_nothing_is_cleared() =>
        Blame(Run("0", ""), Run("0 1", "b"), Run("0 1 2", "b")).Should().Equal("1: b");

    [Fact]
    public void What_a_lesser_run_left_is_not_blamed_again_and_what_is_new_is_not_blamed_on_it() =>
        Blame(Run("0", "a"), Run("0 1", "a"), Run("0 1 2", "a, c")).Should().Equal("0: a", "2: c");

    [Fact]
    public void As_much_as_a_lesser_run_left_is_the_same_under_another_id() =>
        Blame(Run("0", "thing 1"), Run("0 1", "thing 2")).Should().Equal("0: thing 1");

    [Fact]
    public void Indistinguishable_nodes_are_suspected_together() =>
        Blame(Run("", ""), Run("0 1", "a")).Should().Equal("0 1: a");

    [Fact]
    public void Nodes_that_are_clean_alone_are_suspected_together() =>
        Blame(Run("0", ""), Run("1", ""), Run("0 1", "a")).Should().Equal("0 1: a");

    private static IEnumerable<string> Blame(params Unwinding[] unwindings) =>
        Leftover.Of(unwindings).Select(leftover => $"{string.Join(' ', leftover.Suspects)}: {string.Join(", ", leftover.Lines)}");

    private static Unwinding Run(string done, string left) => new(
        default,
        Failing: 9,
        [.. done.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)],
        left.Split(", ", StringSplitOptions.RemoveEmptyEntries));
}
