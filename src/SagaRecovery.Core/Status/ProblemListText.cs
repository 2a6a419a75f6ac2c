using System.Text;
using static System.FormattableString;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.Status;

/// <summary>Renders problems as text for people.</summary>
public static class ProblemListText
{
    /// <summary>Renders problems, each with its id, its age, its reason and the next command.</summary>
    /// <param name="list">The problems.</param>
    /// <param name="withAcknowledged">True to include those that are acknowledged.</param>
    /// <returns>The text, with a line feed at the end of each line. Its last line names the kinds that other processes list.</returns>
    public static string Render(ProblemList list, bool withAcknowledged = true)
    {
        var text = new StringBuilder();
        text.Append(list.Open + list.Acknowledged == 0 ? "no problems\n" : Invariant($"{Summarize(list)}\n"));
        foreach (Problem problem in list.Problems.Where(one => withAcknowledged || one.Acknowledged is null))
        {
            text.Append(Invariant($"\n{problem.Id}{(problem.Name is { } name ? $"  {OneLine(name)}" : "")}, for {Duration(list.At - problem.Since)}\n"));
            text.Append(Invariant($"  {OneLine(problem.Reason, longest: 500)}\n"));
            if (problem.Error is { } error)
            {
                text.Append(Invariant($"  {OneLine(error, longest: 500)}\n"));
            }

            if (problem.Next is { } next)
            {
                text.Append(Invariant($"  next: {next}\n"));
            }

            if (problem.Acknowledged is { } known)
            {
                text.Append(Invariant($"  acknowledged {Duration(list.At - known.At)} ago by {OneLine(known.Note.Actor)}: {OneLine(known.Note.Reason)}\n"));
            }
        }

        if (list.Problems.Count < list.Open + list.Acknowledged)
        {
            text.Append(Invariant($"\nThese are {list.Problems.Count} of {list.Open + list.Acknowledged}: up to {ProblemList.MaxListed} of each kind, open ones first.\n"));
        }

        text.Append($"\nProblems that only one process knows are listed by that process: {OfProcesses}.\n");
        return text.ToString();
    }

    /// <summary>The kinds that are not in the store, so that a process lists its own only.</summary>
    private static readonly string OfProcesses =
        string.Join(", ", Enum.GetValues<ProblemKind>().Where(ProblemKinds.IsOfProcess).Select(ProblemKinds.NameOf));

    /// <summary>Returns the sentence for an id that is not in the list.</summary>
    /// <param name="id">The untrusted id.</param>
    public static string DescribeMissing(string id) =>
        $"There is no problem '{OneLine(id, longest: 80)}' among those that are listed: up to {ProblemList.MaxListed} of each kind, open ones first.";

    /// <summary>Returns the numbers of problems, such as <c>3 problems (2 stuck, 1 paused), 1 of them acknowledged</c>.</summary>
    /// <param name="list">The problems.</param>
    public static string Summarize(ProblemList list)
    {
        string kinds = string.Join(", ", list.Counts.Select(count => Invariant($"{count.Open + count.Acknowledged} {ProblemKinds.NameOf(count.Kind)}")));
        string acknowledged = list.Acknowledged == 0 ? "" : Invariant($", {list.Acknowledged} of them acknowledged");
        return $"{Count(list.Open + list.Acknowledged, "problem")} ({kinds}){acknowledged}";
    }
}
