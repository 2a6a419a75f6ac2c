using System.Text.RegularExpressions;
using SagaRecovery.Postgres;

namespace SagaRecovery.Tests;

/// <summary>The programs in the README and the docs are files that are built; here the texts are compared with them.</summary>
public sealed partial class ReadmeTests
{
    [Theory]
    [InlineData("README.md", 1)]
    [InlineData("docs/custom-executor.md", 1)]
    [InlineData("docs/testing.md", 2)]
    public void Every_program_in_a_document_is_the_file_that_it_names(string document, int count)
    {
        MatchCollection programs = Program().Matches(Read(document));

        programs.Should().HaveCount(count);
        foreach (Match program in programs)
        {
            program.Groups["code"].Value.Should().Be(Read(program.Groups["file"].Value), "{0} is what is built", program.Groups["file"].Value);
        }
    }

    [Theory]
    [InlineData(typeof(SagaRecoveryOptions))]
    [InlineData(typeof(DurableExecutorOptions))]
    [InlineData(typeof(PostgresStoreOptions))]
    public void The_configuration_page_has_a_row_for_every_setting(Type options)
    {
        string configuration = Read("docs/configuration.md");
        foreach (System.Reflection.PropertyInfo setting in options.GetProperties())
        {
            configuration.Should().MatchRegex($@"(?m)^\| `{setting.Name}[`:]");
        }
    }

    [Fact]
    public void The_readme_is_short_and_names_the_commands_that_a_new_user_runs()
    {
        string readme = Read("README.md");

        readme.Split('\n').Length.Should().BeLessThanOrEqualTo(151, "the rest belongs in docs");
        readme.Should().Contain("```sh\nbash samples/demo.sh\n```").And.Contain("```sh\nbash tests/run.sh\n```");
    }

    [Theory]
    [InlineData("README.md", "The tables have a version of their own, now {0}.")]
    [InlineData("docs/getting-started.md", "database schema saga_recovery is at version {0}\n")]
    [InlineData("docs/CHANGELOG.md", "and version {0} of the tables.")]
    public void A_page_that_names_the_version_of_the_tables_names_the_present_one(string document, string sentence) =>
        Read(document).Should().Contain(string.Format(System.Globalization.CultureInfo.InvariantCulture, sentence, PostgresSchema.Version));

    [Fact]
    public void Every_link_of_the_readme_works_outside_the_repository_and_names_a_file_of_it()
    {
        foreach (Match link in Link().Matches(Read("README.md")))
        {
            string target = link.Groups["target"].Value;
            target.Should().StartWith("https://", "the packages carry the README");
            if (target.StartsWith(Home, StringComparison.Ordinal))
            {
                File.Exists(Path.Combine(Repository.Root, target[Home.Length..].Split('#')[0])).Should().BeTrue("{0} is linked", target);
            }
        }
    }

    private const string Home = "https://github.com/sagarecovery/sagarecovery/blob/main/";

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    [GeneratedRegex(@"<!-- (?<file>\S+\.cs) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Program();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Link();
}
