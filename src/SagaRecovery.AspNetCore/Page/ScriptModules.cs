using System.Text;
using System.Text.RegularExpressions;

namespace SagaRecovery.AspNetCore.Page;

/// <summary>
/// Makes one script of the page's modules. Each keeps a scope of its own; what it exports and imports becomes a constant. It knows no
/// more of the language than our files use: an import is a line of its own, an export stands before <c>function</c>, <c>class</c>,
/// <c>const</c> or <c>let</c>.
/// </summary>
internal static partial class ScriptModules
{
    /// <param name="names">In the order in which one builds on the other.</param>
    /// <param name="read">Gives the text of a module.</param>
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

    [GeneratedRegex(@"^import (?<names>\{[^}]*\}) from '\./(?<module>\w+)\.js';$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ImportRule();

    [GeneratedRegex(@"^export (?<kind>(async )?(function|class|const|let) )(?<name>\w+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ExportRule();
}
