using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using SagaRecovery.AspNetCore.Page;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The document as it is sent; its behavior in a browser is covered by BrowserTests.</summary>
[Collection(OnPostgres.Name)]
public sealed class PageTests(PostgresCluster postgres)
{
    [Fact]
    public async Task It_may_run_and_load_nothing_but_its_own()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync());
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, "", accept: "text/html");
        string html = await response.Content.ReadAsStringAsync();
        string policy = response.Headers.GetValues("Content-Security-Policy").Single();

        policy.Should().StartWith("default-src 'none'; ").And.NotContain("unsafe").And.Contain("frame-ancestors 'none'")
            .And.Contain(HashOf(Between(html, "<script>", "</script>"))).And.Contain(HashOf(Between(html, "<style>", "</style>")));
        html.Should().NotMatchRegex("""(src|href)="?https?:""").And.NotContain("innerHTML").And.NotContain("eval(").And.NotContain("@rights@");
    }

    [Theory]
    [InlineData(null, "AfterSigningIn")]
    [InlineData("passer-by", "Refused")]
    [InlineData(TestUsers.Operator, "Allowed")]
    public async Task It_knows_what_its_reader_may_do(string? user, string rights)
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);
        (await RightsAsync(service, user)).Should().Be(rights);
    }

    [Fact]
    public async Task It_knows_whether_operator_actions_are_mapped()
    {
        await using TestService none = await TestService.StartAsync(await postgres.NewDatabaseAsync());
        (await RightsAsync(none, TestUsers.Operator)).Should().Be("NotMapped");
        await using TestService open = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), options => options.ActionsWithoutPolicy = true, "Development");
        (await RightsAsync(open, null)).Should().Be("Open");
    }

    [Fact]
    public void Modules_become_one_script_each_with_a_scope_of_its_own()
    {
        var modules = new Dictionary<string, string>
        {
            ["a.js"] = "const hidden = 1;\nexport const shown = hidden;\nexport async function twice() {}\n",
            ["b.js"] = "import { shown } from './a.js';\nconst hidden = shown;\nexport class Two {}\n",
        };

        ScriptModules.Join(modules.Keys, name => modules[name]).Should().Be("""
            'use strict';
            const aModule = (() => {
            const hidden = 1;
            const shown = hidden;
            async function twice() {}
            return { shown, twice };
            })();
            const bModule = (() => {
            const { shown } = aModule;
            const hidden = shown;
            class Two {}
            return { Two };
            })();

            """.ReplaceLineEndings("\n"));
    }

    private static async Task<string> RightsAsync(TestService service, string? user)
    {
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, "", user, accept: "text/html");
        return Regex.Match(await response.Content.ReadAsStringAsync(), "data-rights=\"(?<rights>[A-Za-z]+)\"", RegexOptions.None, TimeSpan.FromMinutes(1)).Groups["rights"].Value;
    }

    private static string Between(string text, string opening, string closing)
    {
        int from = text.IndexOf(opening, StringComparison.Ordinal) + opening.Length;
        return text[from..text.IndexOf(closing, from, StringComparison.Ordinal)];
    }

    private static string HashOf(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";
}
