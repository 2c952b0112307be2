/** The languages of a data set: common words of each, and the parts from which its rarer ones are made. */

export interface Language {
  tag: string;
  /** Share of the senders, in per cent. */
  share: number;
  countryCode: string;
  /** Between words; empty in scripts that do not separate them. */
  space: string;
  stop: string;
  /** Real words, the most common first. */
  common: string;
  /** A made word is one to four syllables, each with one part of every list. `_` is no letter. */
  syllable: string[];
}

const CYRILLIC = ['б в г д ж з к л м н п р с т х ц ч ш', 'а е и о у ы я ю', '_ _ _ _ н л р т й'];

export const LANGUAGES: readonly Language[] = [
  {
    tag: 'en',
    share: 34,
    countryCode: '1',
    space: ' ',
    stop: '.',
    common:
      'the to your and is for you a we in on has order been this with will it of be are please our not thank from at ' +
      'delivery can have hello if was new now today payment code time any here when they there hi back my account all ' +
      'one more out store tomorrow question yes just need get help do so no what how call later shipping refund',
    syllable: [
      'b c d f g h l m n p r s t v w br ch cl cr dr fl gr pl pr sh sl st th tr _',
      'a e i o u ea ee oo ou ai',
      '_ _ _ n r l s t d m ck ng nd st nt rd',
    ],
  },
  {
    tag: 'de',
    share: 9,
    countryCode: '49',
    space: ' ',
    stop: '.',
    common:
      'die und der ist wir Sie Ihre in den für nicht das mit auf ein es wird von zu haben eine ich Bestellung bitte ' +
      'Lieferung wurde heute morgen Grüße vielen Dank können noch über aus nach bei schön groß Straße Uhr Rückgabe',
    syllable: [
      'b d f g h k l m n p r s t w z sch st br gr kl tr schl pf _',
      'a e i o u ä ö ü ei au ie eu',
      '_ _ n r l t ch s ß nd rt cht ng st tz',
    ],
  },
  {
    tag: 'es',
    share: 12,
    countryCode: '34',
    space: ' ',
    stop: '.',
    common:
      'de la que el en su y a los se del las por un para con no una es pedido al lo como más gracias hola pero sus le ' +
      'ya este sí porque entrega cuando muy hoy mañana también está envío código señor año pago teléfono ¿qué',
    syllable: [
      'b c d f g l m n p r s t v z ch ll br tr pr gr qu _',
      'a e i o u á é í ó ú ie ue io',
      '_ _ _ n r s l ñ',
    ],
  },
  {
    tag: 'pt',
    share: 10,
    countryCode: '55',
    space: ' ',
    stop: '.',
    common:
      'de o que a e do da em um para é com não uma os no se na por mais as seu sua pedido obrigado olá mas foi ao ele ' +
      'das tem à você está entrega já hoje amanhã também só pelo código endereço pagamento até são promoção ação',
    syllable: [
      'b c d f g l m n p r s t v z ch lh nh br tr pr gr _',
      'a e i o u ã õ á é ê ç ou ei ão',
      '_ _ _ m r s l',
    ],
  },
  {
    tag: 'hi',
    share: 9,
    countryCode: '91',
    space: ' ',
    stop: '।',
    common:
      'है के में की से और का को पर आपका ने यह नहीं लिए कि हम एक कर आप धन्यवाद नमस्ते ऑर्डर भुगतान आज कल कृपया समय हो गया था रहा ' +
      'तो भी कुछ बहुत अभी कब कहाँ क्या कोड दुकान',
    syllable: ['क ख ग घ च छ ज ट ड त थ द ध न प फ ब भ म य र ल व श स ह', '_ _ ा ि ी ु ू े ै ो ौ ं', '_ _ _ र न ल म'],
  },
  {
    tag: 'ar',
    share: 6,
    countryCode: '971',
    space: ' ',
    stop: '.',
    common:
      'في من على إلى طلبك هذا تم مع أن شكرا مرحبا لا هل عن كل بعد اليوم غدا الدفع التوصيل رمز التحقق يرجى متجر كان قد ما هو هي لكم ' +
      'لدينا وقت جديد حسابك رقم',
    syllable: ['ب ت ث ج ح خ د ر ز س ش ص ض ط ع غ ف ق ك ل م ن ه', '_ _ ا و ي', '_ ب ر ل م ن د ة'],
  },
  {
    tag: 'zh',
    share: 5,
    countryCode: '86',
    space: '',
    stop: '。',
    common:
      '的 您 是 了 我们 在 订单 不 请 有 已 谢谢 你好 今天 明天 付款 发货 验证码 一 这 个 人 和 可以 什么 时候 地址 电话 商店 没有 还 ' +
      '就 都 说 要 去 会 好 快递 退款',
    syllable: [
      '安 白 北 本 比 边 表 长 场 车 成 城 出 从 大 地 电 东 动 多 儿 发 方 分 风 高 工 公 关 国 海 行 后 花 华 话 回 机 家 见 教 开 看 空 口 ' +
        '来 老 力 理 利 路 马 门 面 民 名 明 木 南 内 年 平 气 前 青 情 全 日 山 上 身 生 石 时 实 市 事 手 书 水 天 通 同 外 王 为 文 问 西 ' +
        '下 先 小 心 新 星 学 雪 样 业 意 用 友 雨 元 原 月 云 早 正 知 中 重 主 子 自 作',
    ],
  },
  {
    tag: 'ja',
    share: 5,
    countryCode: '81',
    space: '',
    stop: '。',
    common:
      'の です に を は が ます で と ご注文 ありがとう ました から も お客様 今日 明日 商品 発送 確認 コード こんにちは お支払い 配送 ' +
      'お願い します この 時間 ください まで より 店舗 電話 住所 ない 新しい',
    syllable: [
      'か き く け こ さ し す せ そ た ち つ て と な に の は ひ ま み も や ゆ よ ら り る ろ ア イ カ キ ク コ サ シ ス タ ト ナ ハ フ マ ラ リ ル ' +
        'レ ロ ン 山 川 田 東 京 本 日 月 花 木 水 火 金 土 大 小 中 新 高 行 見 食',
    ],
  },
  {
    tag: 'ru',
    share: 6,
    countryCode: '7',
    space: ' ',
    stop: '.',
    common:
      'и в не на ваш с что заказ мы по это к вы как для из от но спасибо у за все можно до или здравствуйте доставка сегодня ' +
      'завтра оплата код уже был есть ещё если только время пожалуйста магазин адрес когда',
    syllable: CYRILLIC,
  },
  {
    tag: 'tr',
    share: 4,
    countryCode: '90',
    space: ' ',
    stop: '.',
    common:
      've bir bu için siparişiniz ile de da çok olarak teşekkürler merhaba kargo bugün yarın ödeme kod lütfen değil var yok ' +
      'ama daha gibi sonra kadar ne zaman İstanbul ışık iyi günler nasıl adres mağaza şimdi',
    syllable: ['b c ç d f g h k l m n p r s ş t v y z _', 'a e ı i o ö u ü', '_ _ _ n r l k m ş ğ t'],
  },
];

export const EMOJI = '😀 😂 👍 🙏 ❤️ 🎉 🔥 😊 ✅ 📦 🚚 💳 👍🏽 👨‍👩‍👧 🇩🇪 🇧🇷 🙏🏿 😭 ⭐ 🤝'.split(' ');
