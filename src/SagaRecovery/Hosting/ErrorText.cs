using System.Text;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>An exception in one line, with what caused it: the outermost message alone often says only that something failed.</summary>
internal static class ErrorText
{
    private const int Longest = 2_000;

    public static string Of(Exception exception)
    {
        var text = new StringBuilder(exception.Message);
        for (Exception? inner = exception.InnerException; inner is not null; inner = inner.InnerException)
        {
            if (!text.ToString().Contains(inner.Message, StringComparison.Ordinal))
            {
                text.Append(": ").Append(inner.Message);
            }
        }

        return Plain(text.ToString());
    }

    /// <summary>What came from outside, fit for a line of the log and the report: see <see cref="PlainText"/>.</summary>
    public static string Plain(string text) => PlainText.OneLine(text, Longest);
}
