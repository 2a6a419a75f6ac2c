using System.Text.RegularExpressions;

namespace SagaRecovery.Tests;

/// <summary>The programs in the README and the docs are files that are built: here they are held to them.</summary>
public sealed partial class ReadmeTests
{
    [Theory]
    [InlineData("README.md", 2)]
    [InlineData("docs/testing.md", 2)]
    public void Every_program_in_a_document_is_the_file_that_it_names(string document, int count)
    {
        MatchCollection programs = Program().Matches(File.ReadAllText(Path.Combine(Repository.Root, document)));

        programs.Should().HaveCount(count);
        foreach (Match program in programs)
        {
            string file = File.ReadAllText(Path.Combine(Repository.Root, program.Groups["file"].Value));
            program.Groups["code"].Value.Should().Be(file, "{0} is what is built", program.Groups["file"].Value);
        }
    }

    [Fact]
    public void The_readme_names_every_setting()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        foreach (System.Reflection.PropertyInfo setting in typeof(SagaRecoveryOptions).GetProperties())
        {
            readme.Should().Contain(setting.Name);
        }
    }

    [GeneratedRegex(@"<!-- (?<file>\S+\.cs) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Program();
}
