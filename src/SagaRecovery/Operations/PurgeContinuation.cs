using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SagaRecovery.Retention;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The text by which the next request of a purge continues where the last one stopped. Pure.</summary>
/// <remarks>
/// The text ends with a digest of the scope. A continuation of another scope would skip sagas, and a purge that continues is not recorded again.
/// The digest is no protection against an operator who forges it.
/// </remarks>
internal static class PurgeContinuation
{
    private const char Separator = '.';
    private const string None = "-";

    public static string Write(PurgeRequest request, PurgePosition position) => string.Join(
        Separator,
        SagaNames.Of(position.State),
        position.Definition?.ToString() ?? None,
        position.After?.TimeCreated.UtcTicks.ToString(CultureInfo.InvariantCulture) ?? None,
        position.After?.SagaId.ToString() ?? None,
        DigestOf(request));

    /// <returns>The position; null if the request has no continuation, or one that is not of its scope.</returns>
    public static PurgePosition? Read(PurgeRequest request)
    {
        if (request.Continuation?.Split(Separator) is not [string state, string definition, string ticks, string saga, string digest] || digest != DigestOf(request)
            || !SagaNames.TryParse(state, out SagaState ended) || RetentionPolicy.OrderOf(ended) < 0)
        {
            return null;
        }

        DefinitionHash? hash = HashOf(definition);
        RetentionCursor? after = CursorOf(ticks, saga);
        return (hash is null) == (definition == None) && RetentionPolicy.IsByDefinition(ended) == hash is not null
            && (after is null) == (ticks == None && saga == None)
            ? new PurgePosition(ended, hash, after)
            : null;
    }

    private static DefinitionHash? HashOf(string text) =>
        text.Length == 2 * SHA256.HashSizeInBytes && text.All(char.IsAsciiHexDigit) ? DefinitionHash.FromBytes(Convert.FromHexString(text)) : null;

    private static RetentionCursor? CursorOf(string ticks, string saga) =>
        long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out long time) && time <= DateTimeOffset.MaxValue.UtcTicks
            && Guid.TryParseExact(saga, "D", out Guid id)
            ? new RetentionCursor(new DateTimeOffset(time, TimeSpan.Zero), new SagaId(id))
            : null;

    private static string DigestOf(PurgeRequest request)
    {
        string states = string.Join(',', request.StatesOrDefault.Order().Distinct().Select(SagaNames.Of));
        string scope = string.Create(
            CultureInfo.InvariantCulture, $"{request.Delete} {request.OlderThan.Ticks} {states} {request.Version}{(request.Definition is { } definition ? $"={definition}" : "all")}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(scope)).AsSpan(0, 8));
    }
}
