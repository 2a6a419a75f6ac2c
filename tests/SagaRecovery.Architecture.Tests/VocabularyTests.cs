using System.Text.RegularExpressions;

namespace SagaRecovery.Architecture.Tests;

/// <summary>The words of the glossary, as far as a test can enforce them. Code spans of Markdown are not prose and are skipped.</summary>
public sealed partial class VocabularyTests
{
    [Theory]
    [InlineData("src", "*.cs")]
    [InlineData("src", "*.js")]
    [InlineData("samples", "*.cs")]
    [InlineData("samples", "*.sql")]
    [InlineData("samples", "*.sh")]
    [InlineData("samples", "*.md")]
    [InlineData("docs", "*.md")]
    [InlineData("docs", "*.yml")]
    [InlineData("tests", "*.cs")]
    public void No_word_that_the_glossary_has_replaced_is_used(string folder, string pattern)
    {
        IEnumerable<string> found =
            from file in Files(folder, pattern)
            from line in File.ReadLines(file).Select((text, index) => (Text: CodeSpan().Replace(text, ""), Number: index + 1))
            from Match match in Replaced().Matches(line.Text)
            select $"{Path.GetRelativePath(Repository.Root, file)}:{line.Number}: {match.Value}";

        found.Should().BeEmpty("docs/glossary.md has the words to use");
    }

    [Fact]
    public void No_summary_begins_with_a_question_word()
    {
        IEnumerable<string> found =
            from file in Files("src", "*.cs").Concat(Files("samples", "*.cs"))
            from Match match in QuestionSummary().Matches(File.ReadAllText(file))
            select $"{Path.GetRelativePath(Repository.Root, file)}: {match.Value}";

        found.Should().BeEmpty("a summary begins with a verb (\"Starts a saga\") or a noun phrase (\"The interval\")");
    }

    private static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), pattern, SearchOption.AllDirectories).Where(file =>
            !file.EndsWith($"{nameof(VocabularyTests)}.cs", StringComparison.Ordinal)
            && !Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin" or "node_modules"));

    [GeneratedRegex("`[^`]*`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex CodeSpan();

    /// <summary>The identifiers of test names count as words, too: an underscore separates.</summary>
    [GeneratedRegex(
        """
        (?ix) (?<![a-z]) (
            levers? | signs?[ _]of[ _]life | (?:acquit | accuse)(?:s|d|ted|tal)? | guilty | farewell | stranded | whoever
            | hand(?:s|ed|ing)?[ _-]over | hand-over | for[ _]ever | in[ _]hand | moved[ _]on | stands?[ _]still
            | carr(?:y|ies|ied|ying)[ _]on | g[ai]ve[ns]?[ _]up | giving[ _]up | come[s]?[ _]to[ _](?:its|their)[ _]end
        ) (?![a-z])
        """,
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Replaced();

    [GeneratedRegex(@"<summary>\s*(///\s*)?(What|How|Whether|Who|Whom|Where|Why|Says|Tells)\b.*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex QuestionSummary();
}
