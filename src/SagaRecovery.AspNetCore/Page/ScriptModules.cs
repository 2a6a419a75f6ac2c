using System.Text;
using System.Text.RegularExpressions;

namespace SagaRecovery.AspNetCore.Page;

/// <summary>
/// Joins the modules of the page into one script. Each module keeps its own scope, and its exports and imports become constants.
/// </summary>
/// <remarks>
/// It supports only the syntax that these modules use: an import on a line of its own, and an export before <c>function</c>, <c>class</c>,
/// <c>const</c> or <c>let</c>.
/// </remarks>
internal static partial class ScriptModules
{
    private const RegexOptions Options = RegexOptions.Multiline | RegexOptions.ExplicitCapture;
    private const int MatchTimeout = 1000; // ms

    /// <param name="names">The file names of the modules, in dependency order.</param>
    /// <param name="read">Returns the text of a module.</param>
    public static string Join(IEnumerable<string> names, Func<string, string> read)
    {
        var script = new StringBuilder("'use strict';\n");
        foreach (string name in names)
        {
            string module = read(name);
            IEnumerable<string> exports = ExportRule().Matches(module).Select(match => match.Groups["name"].Value);
            string body = ExportRule().Replace(ImportRule().Replace(module, "const ${names} = ${module}Module;"), "${kind}${name}");
            script.Append($"const {Path.GetFileNameWithoutExtension(name)}Module = (() => {{\n{body}return {{ {string.Join(", ", exports)} }};\n}})();\n");
        }

        return script.ToString();
    }

    [GeneratedRegex(@"^import (?<names>\{[^}]*\}) from '\./(?<module>\w+)\.js';$", Options, MatchTimeout)]
    private static partial Regex ImportRule();

    [GeneratedRegex(@"^export (?<kind>(async )?(function|class|const|let) )(?<name>\w+)", Options, MatchTimeout)]
    private static partial Regex ExportRule();
}
