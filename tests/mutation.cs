// Prints a Stryker report as lines of text. Exit code 1: less than the threshold, in percent, was noticed.
using System.Text.Json;

using JsonDocument report = JsonDocument.Parse(File.ReadAllText(args[0]));
double threshold = double.Parse(args[1]);

Mutant[] mutants =
[
    .. from file in report.RootElement.GetProperty("files").EnumerateObject()
       let lines = file.Value.GetProperty("source").GetString()!.Split('\n')
       from mutant in file.Value.GetProperty("mutants").EnumerateArray()
       select Mutant.Read(file.Name, lines, mutant),
];

foreach (Mutant mutant in mutants.Where(mutant => mutant.Status is "Survived" or "NoCoverage" or "Timeout").OrderBy(mutant => mutant.Status))
{
    Console.WriteLine(mutant);
}

int Count(string status) => mutants.Count(mutant => mutant.Status == status);
int noticed = Count("Killed") + Count("Timeout");
int valid = noticed + Count("Survived") + Count("NoCoverage");
double score = 100.0 * noticed / valid;
Console.WriteLine(
    $"{mutants.Length} mutants: {Count("Killed")} killed, {Count("Timeout")} timed out, {Count("Survived")} survived, {Count("NoCoverage")} not covered, "
    + $"{Count("CompileError")} that do not compile, {Count("Ignored")} ignored");
Console.WriteLine($"score {score:F2} % ({noticed} of {valid}), threshold {threshold} %");
return score >= threshold ? 0 : 1;

internal sealed record Mutant(string Status, string Place, string Mutator, string Original, string Replacement)
{
    public static Mutant Read(string file, string[] lines, JsonElement mutant)
    {
        (int Line, int Column) start = Position(mutant, "start");
        (int Line, int Column) end = Position(mutant, "end");
        string text = string.Join('\n', lines[(start.Line - 1)..end.Line]);
        int tail = lines[end.Line - 1].Length - (end.Column - 1);
        return new Mutant(
            mutant.GetProperty("status").GetString()!,
            $"{file[file.IndexOf("src/SagaRecovery.Core/", StringComparison.Ordinal)..]}:{start.Line}",
            mutant.GetProperty("mutatorName").GetString()!,
            OneLine(text[(start.Column - 1)..^tail]),
            OneLine(mutant.GetProperty("replacement").GetString()!));
    }

    public override string ToString() => $"{Status}: {Place}: {Mutator}: {Original} => {Replacement}";

    private static (int Line, int Column) Position(JsonElement mutant, string which)
    {
        JsonElement position = mutant.GetProperty("location").GetProperty(which);
        return (position.GetProperty("line").GetInt32(), position.GetProperty("column").GetInt32());
    }

    private static string OneLine(string code) => string.Join(' ', code.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
