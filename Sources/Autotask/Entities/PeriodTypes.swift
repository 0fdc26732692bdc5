package import Contract

/// The billing periods among the values of a tenant's `periodType` picklist.
///
/// Autotask translates the labels of periods. A period is found by its known labels.
/// If no label is known, the usual values 2 and 5 are taken, provided that both exist, are active and are Autotask's own.
package struct PeriodTypes: Hashable, Sendable {
    /// A doubt about how the periods were found, reported as a warning.
    package struct Doubt: Hashable, Sendable {
        /// Periods that were found only by their value.
        package var assumed: [PlanService.Period]
        /// Periods that were not found: no service with such a period can be created.
        package var missing: [PlanService.Period]
        /// The labels of the picklist's active values, as Autotask has them.
        package var labels: [String]
    }

    /// The version of the rule, which rises when it finds more periods: see ``ServiceFields/init(json:)``.
    static let rule: Int64 = 2

    package private(set) var monthly: Int64?
    package private(set) var yearly: Int64?
    package private(set) var doubt: Doubt?

    private struct Choice {
        let value: Int64
        let label: String
        let isSystem: Bool
    }

    /// - Parameter picklist: the values as `Services/entityInformation/fields` lists them.
    package init(picklist: [JSON]) {
        let choices = picklist.compactMap { choice -> Choice? in
            guard choice[anyCase: "isActive"]?.truth != false, let value = choice[anyCase: "value"]?.wholeNumber else { return nil }
            return Choice(value: value, label: choice[anyCase: "label"]?.string ?? "", isSystem: choice[anyCase: "isSystem"]?.truth == true)
        }
        func value(among labels: Set<String>) -> Int64? { choices.first { labels.contains(PeriodTypes.words($0.label)) }?.value }
        monthly = value(among: PeriodTypes.monthlyLabels)
        yearly = value(among: PeriodTypes.yearlyLabels)
        guard monthly == nil || yearly == nil else { return }

        var assumed: [PlanService.Period] = []
        // If the period has another value, or the usual value has a known label of another period, the values are not the usual ones.
        func isUsual(_ usual: Int64, _ found: Int64?) -> Bool {
            guard found == nil || found == usual, let choice = choices.first(where: { $0.value == usual }), choice.isSystem else {
                return false
            }
            return found != nil || !PeriodTypes.allLabels.contains(PeriodTypes.words(choice.label))
        }
        if isUsual(PeriodTypes.monthlyValue, monthly), isUsual(PeriodTypes.yearlyValue, yearly) {
            if monthly == nil { assumed.append(.monthly) }
            if yearly == nil { assumed.append(.yearly) }
            monthly = PeriodTypes.monthlyValue
            yearly = PeriodTypes.yearlyValue
        }
        let missing = (monthly == nil ? [PlanService.Period.monthly] : []) + (yearly == nil ? [.yearly] : [])
        doubt = Doubt(assumed: assumed, missing: missing, labels: choices.map(\.label))
    }

    private static let monthlyValue: Int64 = 2
    private static let yearlyValue: Int64 = 5

    /// The label in the form in which labels are compared: lower case, single spaces, no final full stop. `String` ignores composition.
    private static func words(_ label: String) -> String {
        var words = label.lowercased().split { $0.isWhitespace }.joined(separator: " ")
        while words.last == "." { words.removeLast() }
        return words
    }

    private static let allLabels = monthlyLabels.union(yearlyLabels).union(otherLabels)

    private static let monthlyLabels: Set<String> = [
        // English, German, Spanish, French, Italian, Dutch, Portuguese
        "monthly", "month", "per month", "every month", "each month", "monatlich", "monat", "pro monat", "je monat", "mensual",
        "mensualmente",
        "por mes", "al mes", "mes", "mensuel", "mensuelle", "mensuellement", "par mois", "mois", "mensile", "mensilmente", "al mese",
        "mese",
        "maandelijks", "maandelijkse", "per maand", "maand", "mensal", "mensalmente", "por mês", "mês",
        // Danish, Norwegian, Swedish, Finnish, Icelandic
        "månedlig", "månedligt", "månedsvis", "pr. måned", "per måned", "måned", "månadsvis", "månatlig", "månatligen", "per månad",
        "månad",
        "kuukausittain", "kuukausi", "mánaðarlega",
        // Polish, Czech, Slovak, Hungarian, Romanian, Croatian, Slovenian, Turkish, Greek
        "miesięcznie", "miesięczny", "miesięczna", "co miesiąc", "miesiąc", "měsíčně", "měsíční", "mesačne", "mesačný", "havi", "havonta",
        "lunar", "lunară", "mjesečno", "mesečno", "aylık", "her ay", "μηνιαία", "μηνιαίο", "μηνιαίως",
        // Russian, Ukrainian, Bulgarian, Hebrew, Arabic
        "ежемесячно", "ежемесячный", "месячный", "щомісяця", "щомісячно", "месечно", "חודשי", "شهري", "شهريا",
        // Japanese, Chinese, Korean, Thai, Vietnamese, Indonesian
        "毎月", "月次", "月払い", "月額", "月ごと", "月単位", "月間", "月", "每月", "按月", "月度", "每個月", "월간", "매월", "월별", "월", "รายเดือน", "hàng tháng",
        "bulanan",
    ]

    private static let yearlyLabels: Set<String> = [
        "yearly", "year", "annual", "annually", "per year", "per annum", "every year", "each year", "jährlich", "jaehrlich", "jahr",
        "pro jahr",
        "je jahr", "anual", "anualmente", "por año", "al año", "año", "annuel", "annuelle", "annuellement", "par an", "par année", "an",
        "année",
        "annuale", "annualmente", "all'anno", "all’anno", "anno", "jaarlijks", "jaarlijkse", "per jaar", "jaar", "por ano", "ano",
        "årlig", "årligt", "årligen", "årsvis", "pr. år", "per år", "år", "vuosittain", "vuosi", "árlega",
        "rocznie", "roczny", "roczna", "co rok", "rok", "ročně", "roční", "ročne", "ročný", "éves", "évente", "anuală", "godišnje", "letno",
        "yıllık", "her yıl", "ετήσια", "ετήσιο", "ετησίως",
        "ежегодно", "ежегодный", "годовой", "щороку", "щорічно", "годишно", "שנתי", "سنوي", "سنويا",
        "毎年", "年次", "年払い", "年額", "年ごと", "年単位", "年間", "年", "每年", "按年", "年度", "연간", "매년", "연별", "연", "รายปี", "hàng năm", "tahunan",
    ]

    /// Known labels of Autotask's other periods: if one has a usual value, the values are not the usual ones.
    private static let otherLabels: Set<String> = [
        "one time", "one-time", "once", "weekly", "quarterly", "semi-annual", "semi-annually", "semiannual", "half-yearly", "biannual",
        "einmalig", "wöchentlich", "vierteljährlich", "quartalsweise", "halbjährlich", "una vez", "única vez", "semanal", "trimestral",
        "semestral", "une fois", "unique", "hebdomadaire", "trimestriel", "trimestrielle", "semestriel", "semestrielle", "una tantum",
        "settimanale", "trimestrale", "semestrale", "eenmalig", "wekelijks", "driemaandelijks", "per kwartaal", "halfjaarlijks",
        "一回", "一回限り", "毎週", "四半期", "四半期ごと", "半年", "半年ごと", "一次性", "每季", "每季度", "每半年",
    ]
}
